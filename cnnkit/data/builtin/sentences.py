"""Generated reviews: both classes use the same words, and only the order of words differs."""

from pathlib import Path

import numpy as np

from cnnkit.data.dataset import Dataset
from cnnkit.data.files.listing import File, Listing
from cnnkit.data.files.texts import from_texts
from cnnkit.data.loader_calls import remembers_call
from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator

CLASS_NAMES = ("bad", "good")
GOOD = ("bright", "clever", "funny", "great", "lovely", "moving", "sharp", "warm")
BAD = ("boring", "clumsy", "dull", "flat", "long", "loud", "silly", "weak")
FILLERS = (
    "the film was", "we saw it on a rainy evening", "with friends", "in a small cinema",
    "the music is by somebody else", "and the street was empty", "after the show we walked home",
    "my neighbour had told me of it", "there were two of us", "it runs for two hours",
)  # fmt: skip


@remembers_call
def sentences(
    *, train: int = 1000, validation: int = 250, test: int = 1000, length: int = 40, seed: int = 0
) -> Dataset:
    """Generate reviews that say "funny and not dull" or "dull and not funny" among filler words.

    Both classes have the same words equally often, so counting words does not help: the class
    depends on the word after "not". Each split is drawn from (seed, split).

    Args:
        train: Training texts, at least 2.
        validation: Validation texts, at least 2.
        test: Test texts, at least 2.
        length: Tokens of each text.
        seed: Draws the texts.

    Returns:
        A Dataset of token numbers, int32, shape (samples, length), as `texts` makes them.

    Raises:
        SettingError: A number is out of range.
    """
    counts = {"train": train, "validation": validation, "test": test}
    if min(counts.values()) < len(CLASS_NAMES):
        raise SettingError(
            f"Each split needs at least 2 samples, one a class: {train=}, {validation=}, {test=}."
        )
    words, files, seen = [], [], set()
    for index, (split, samples) in enumerate(counts.items()):
        rng = random_generator(seed, Purpose.SENTENCES, index)
        for number in range(samples):
            text = _sentence(number % 2, rng)
            while text in seen:  # no test text is a training text
                text = _sentence(number % 2, rng)
            seen.add(text)
            words.append(text)
            files.append(File(f"{split} {number}", split, (number % 2,)))
    listing = Listing(Path(), tuple(files), CLASS_NAMES)
    return from_texts(
        "sentences", words, listing, fractions={}, split_seed=0, vocabulary_size=1000,
        length=length, source=f"generated from seed {seed}",
    )  # fmt: skip


def _sentence(label: int, rng: np.random.Generator) -> str:
    praise, blame = rng.choice(GOOD), rng.choice(BAD)
    verdict_first, is_calm = rng.permutation([True, False])
    affirmed, denied = (praise, blame) if label else (blame, praise)
    verdict = f"{affirmed} and not {denied}" if verdict_first else f"not {denied} but {affirmed}"
    phrases = list(rng.choice(FILLERS, rng.integers(2, 5), replace=False))
    phrases.insert(int(rng.integers(len(phrases) + 1)), verdict)
    return " ".join(phrases) + ("." if is_calm else "!")
