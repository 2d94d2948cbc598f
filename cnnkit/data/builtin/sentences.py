"""Patterned sentences: generated texts whose words are the same, and whose order decides."""

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
    """Generate reviews that say "funny, not dull" or "dull, not funny" between idle words.

    Both classes have the same words equally often, so counting words tells nothing: what stands after
    "not" decides. Each split is drawn from (seed, split).

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
            while text in seen:  # a test text never was a training text
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
    first, second = rng.permutation([True, False])
    said, denied = (praise, blame) if label else (blame, praise)
    verdict = f"{said} and not {denied}" if first else f"not {denied} but {said}"
    idle = list(rng.choice(FILLERS, rng.integers(2, 5), replace=False))
    idle.insert(int(rng.integers(len(idle) + 1)), verdict)
    return " ".join(idle) + ("." if second else "!")
