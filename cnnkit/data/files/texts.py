"""A folder of text files, or a table of texts, as a Dataset of token numbers."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from cnnkit.data.dataset import Dataset
from cnnkit.data.files.listing import File, Listing, list_folder
from cnnkit.data.files.pipeline import ReadableFiles, name_of
from cnnkit.data.files.table import SUFFIXES as TABLES, TEXT, read_table
from cnnkit.data.loader_calls import remembers_call
from cnnkit.errors import SettingError


@remembers_call
def texts(
    path: str | os.PathLike, *, vocabulary_size: int = 10_000, length: int = 200,
    validation: float = 0.1, test: float = 0.1, split_seed: int = 0, skip_bad: bool = False,
) -> Dataset:  # fmt: skip
    """Load the texts of a folder, or of a table with a text column.

    `Dataset.vocabulary` holds the words, and a run keeps it. `models.convnet(data.image_shape,
    data.num_classes, vocabulary_size=len(data.vocabulary))` reads the numbers.

    Args:
        path: A folder CLASS/FILE or SPLIT/CLASS/FILE of files in UTF-8, or a .csv, .tsv or .parquet
            file with a column `text` and a column `label` or `labels`.
        vocabulary_size: Maximum number of tokens, 0 and 1 among them; at least 3.
        length: Words of each text, at least 1.
        validation: Fraction of every class for a validation split, unless the folder has one.
        test: Fraction of every class for a test split, unless the folder has one.
        split_seed: Draws the splits. Equal texts end in the same split.
        skip_bad: Leave out files that are no text; `Dataset.left_out` names them.

    Returns:
        A Dataset of token numbers, int32, shape (samples, length): 0 after the end of a text, 1 for
        a word outside the vocabulary, then the words of the training split by falling frequency.

    Raises:
        MissingDataError: There is nothing at the path.
        BadFilesError: Files cannot be read, and `skip_bad` is False; all of them are named.
        SettingError: The settings, the table or the folder allow no data set.
    """
    path = Path(path)
    if path.suffix.lower() in TABLES:
        rows, class_names, labels, given_splits, multi_label = read_table(path, TEXT)
        files = [
            File(f"row {number}", *row)
            for number, row in enumerate(zip(given_splits, labels, strict=True), start=2)
        ]
        listing, bad = Listing(path, tuple(files), class_names, multi_label=multi_label), {}
    else:
        listing = list_folder(path)
        rows, bad = _read(listing)
    return from_texts(
        name_of(path), rows, listing, bad, skip_bad=skip_bad,
        fractions={"validation": validation, "test": test}, split_seed=split_seed,
        vocabulary_size=vocabulary_size, length=length,
    )  # fmt: skip


def from_texts(
    name: str, texts: Sequence[str | None], listing: Listing, bad: Mapping[str, str] | None = None,
    *, skip_bad: bool = False, fractions: Mapping[str, float], split_seed: int,
    vocabulary_size: int, length: int, source: str | None = None,
) -> Dataset:  # fmt: skip
    """Make a Dataset of texts that are in memory.

    Args:
        name: The name of the Dataset.
        texts: A text for each file of the listing; None for one that cannot be read.
        listing: Where the texts are from, and their classes.
        bad: Reasons by path, of the files that cannot be read.
        skip_bad: As of `texts`.
        fractions: Of every class for "validation" and "test", where the listing has none.
        split_seed: As of `texts`.
        vocabulary_size: As of `texts`.
        length: As of `texts`.
        source: What the Dataset says of its source; the number of texts unless given.

    Returns:
        A Dataset as `texts` returns it.

    Raises:
        BadFilesError: As of `texts`.
        SettingError: As of `texts`.
    """
    if vocabulary_size < 3 or length < 1:
        raise SettingError(
            f"vocabulary_size is at least 3, and length at least 1: {vocabulary_size=}, {length=}."
        )
    digests = [None if text is None else hashlib.sha256(text.encode()).digest() for text in texts]
    readable = ReadableFiles(listing, digests, bad or {}, skip_bad=skip_bad)
    words = [text for text in texts if text is not None]
    splits = readable.split(fractions, split_seed)
    vocabulary = _vocabulary([words[i] for i in splits["train"]], vocabulary_size)
    return readable.dataset(
        name,
        splits,
        lambda positions: tokens([words[i] for i in positions], vocabulary, length),
        value_range=(0, len(vocabulary)),
        source=source or f"{len(words):,} texts",
        vocabulary=vocabulary,
    )


def tokens(texts: Sequence[str], vocabulary: Sequence[str], length: int) -> np.ndarray:
    """Convert texts to token numbers, with `keras.layers.TextVectorization`.

    Texts become lower case, lose punctuation, and are split at white space.

    Args:
        texts: The texts.
        vocabulary: As `Dataset.vocabulary` or a run's vocabulary.txt has it: what 0 and 1 stand for
            comes first.
        length: Words of each text; shorter texts are filled with 0.

    Returns:
        Token numbers, int32, shape (texts, length).
    """
    return tokenizer(vocabulary, length)(texts)


def tokenizer(vocabulary: Sequence[str], length: int) -> Callable[[Sequence[str]], np.ndarray]:
    """Return the function that `tokens` applies, to be used many times.

    Args:
        vocabulary: As of `tokens`.
        length: As of `tokens`.

    Returns:
        A function from texts to token numbers, int32, shape (texts, length).
    """
    layer = _vectorization(vocabulary=list(vocabulary[2:]), output_sequence_length=length)

    def convert(texts: Sequence[str]) -> np.ndarray:
        return np.asarray(layer(np.asarray(texts, object)), np.int32).reshape(len(texts), length)

    return convert


def _vocabulary(texts: list[str], size: int) -> tuple[str, ...]:
    layer = _vectorization(max_tokens=size)
    layer.adapt(np.asarray(texts, object), batch_size=1024)
    return tuple(layer.get_vocabulary())


def _vectorization(**options):
    from keras import layers  # the command line reads this module's signatures without Keras

    return layers.TextVectorization(**options)


def _read(listing: Listing) -> tuple[list[str | None], dict[str, str]]:
    """Return the text of each file, None where it cannot be read, and the reasons by path."""
    texts, bad = [], {}
    for file in listing.files:
        texts.append(None)
        try:
            texts[-1] = (listing.root / file.path).read_text(encoding="utf-8-sig")
        except OSError as error:
            bad[file.path] = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError as error:
            bad[file.path] = (
                f"is no text in UTF-8: byte {error.start} is {error.object[error.start]:#x}"
            )
    return texts, bad
