"""A folder of text files, or a table of texts, as a Dataset of token numbers."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.files.assign import assign, require_every_class
from cnnkit.data.files.listing import File, Listing, list_folder
from cnnkit.data.files.table import SUFFIXES as TABLES, TEXT, read_table
from cnnkit.data.images.decode import display
from cnnkit.errors import BadFilesError, SettingError


def texts(
    path: str | os.PathLike, *, vocabulary_size: int = 10_000, length: int = 200,
    validation: float = 0.1, test: float = 0.1, split_seed: int = 0, skip_bad: bool = False,
) -> Dataset:  # fmt: skip
    """Return the texts of a folder, CLASS/FILE or SPLIT/CLASS/FILE, or of a table with a text column.

    Inputs are token numbers, int32, shape (samples, length), as `tokens` makes them: 0 where a
    text has ended, 1 for a word that is not in the vocabulary, then the words of the training
    split, the most frequent first. `vocabulary` of the Dataset holds them, and a run keeps it.
    `models.convnet(data.image_shape, data.num_classes, vocabulary_size=len(data.vocabulary))`
    reads them.

    path: a folder as `cnnkit.data.files.listing` has it, of files in UTF-8; or a .csv, .tsv or .parquet
        as `cnnkit.data.files.table`, with the same labels.
    vocabulary_size: the most tokens, 0 and 1 among them. length: words kept of each text.
    validation, test: fractions of every class for splits that are not given; split_seed draws them,
        and equal texts end in the same split.
    skip_bad: go on without files that are no text; `left_out` of the Dataset names them.

    Raises MissingDataError where nothing is at the path, BadFilesError with every bad file unless
    skip_bad, SettingError for settings, tables and folders that allow no data set.
    """
    root = Path(path)
    if root.suffix.lower() in TABLES:
        words, names, labels, given, multi_label = read_table(root, TEXT)
        rows = zip(given, labels, strict=True)
        files = [File(f"row {number}", *row) for number, row in enumerate(rows, start=2)]
        listing = Listing(root, tuple(files), names, multi_label=multi_label)
    else:
        listing, words = _read(list_folder(root), root, skip_bad)
    return from_texts(
        root.stem if root.is_file() else display(root.resolve().name), words, listing,
        fractions={"validation": validation, "test": test}, split_seed=split_seed,
        vocabulary_size=vocabulary_size, length=length, source=f"{len(words):,} texts",
    )  # fmt: skip


def from_texts(
    name: str, words: Sequence[str], listing: Listing, *, fractions: dict[str, float],
    split_seed: int, vocabulary_size: int, length: int, source: str,
) -> Dataset:  # fmt: skip
    """Return texts, one for each file of a listing, as a Dataset; raises SettingError as `texts`."""
    if vocabulary_size < 3 or length < 1:
        raise SettingError(
            f"vocabulary_size is at least 3, and length at least 1: {vocabulary_size=}, {length=}."
        )
    digests = [hashlib.sha256(text.encode()).digest() for text in words]
    splits, repeated = assign(
        listing.files, digests, listing.class_names, seed=split_seed, fractions=fractions,
        stratify=not listing.multi_label,
    )  # fmt: skip
    require_every_class([listing.files[i] for i in splits["train"]], listing.class_names)
    vocabulary = _vocabulary([words[i] for i in splits["train"]], vocabulary_size)

    def split(positions: list[int]) -> Split:
        inputs = tokens([words[i] for i in positions], vocabulary, length)
        return Split(inputs, listing.labels_of(listing.files[i] for i in positions))

    return Dataset(
        name=name,
        **{split_name: split(positions) for split_name, positions in splits.items()},
        class_names=listing.class_names,
        value_range=(0, len(vocabulary)),
        source=source,
        left_out={display(path): why for path, why in (listing.ignored | repeated).items()}
        | {display(path): why for path, why in listing.bad.items()},
        vocabulary=vocabulary,
    )


def tokens(texts: Sequence[str], vocabulary: Sequence[str], length: int) -> np.ndarray:
    """Return the numbers of each text's first words, int32, shape (texts, length).

    By `keras.layers.TextVectorization`: in small letters, without punctuation, split at blanks.
    vocabulary: as a Dataset or a run's vocabulary.txt has it, with what 0 and 1 stand for first.
    """
    layer = _vectorization(vocabulary=list(vocabulary[2:]), output_sequence_length=length)
    return np.asarray(layer(np.asarray(texts, object)), np.int32).reshape(len(texts), length)


def _vocabulary(texts: list[str], size: int) -> tuple[str, ...]:
    layer = _vectorization(max_tokens=size)
    layer.adapt(np.asarray(texts, object), batch_size=1024)
    return tuple(layer.get_vocabulary())


def _vectorization(**options):
    from keras import layers  # the command line reads this module's signatures without Keras

    return layers.TextVectorization(**options)


def _read(listing: Listing, root: Path, skip_bad: bool) -> tuple[Listing, list[str]]:
    """Return the listing of the files that are texts, and these texts."""
    files, words, bad = [], [], dict(listing.bad)
    for file in listing.files:
        try:
            words.append((listing.root / file.path).read_text(encoding="utf-8-sig"))
            files.append(file)
        except OSError as error:
            bad[file.path] = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError as error:
            bad[file.path] = (
                f"is no text in UTF-8: byte {error.start} is {error.object[error.start]:#x}"
            )
    if bad and not skip_bad:
        raise BadFilesError(
            f"{len(bad)} of the files under {display(root)} cannot be read; mend them, move them "
            "away, or leave them out (skip_bad=True):",
            {display(path): reason for path, reason in bad.items()},
        )
    kept = Listing(
        listing.root, tuple(files), listing.class_names, bad, listing.ignored, listing.multi_label
    )
    return kept, words
