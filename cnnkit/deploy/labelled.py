"""Labelled samples to evaluate a model on: a run's own data, a data set by name, or files."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit import data
from cnnkit.data.dataset import Dataset
from cnnkit.data.files.listing import File, Listing
from cnnkit.data.files.pipeline import list_path, name_of
from cnnkit.data.files.table import SUFFIXES, TEXT, column_names, read_table
from cnnkit.deploy.inputs import TextInput
from cnnkit.deploy.trained_model import TrainedModel
from cnnkit.errors import SettingError

ROWS = 64  # of an array that are in memory at once


@dataclass(frozen=True)
class LabelledSamples:
    """Samples with their labels, not yet in memory.

    Attributes:
        name: What to call the data.
        split: Which samples they are.
        class_names: A name a class.
        labels: Class indices, shape (samples,); or 0 and 1 for each class, shape (samples, classes).
        sources: Returns the samples one by one, as `deploy.predictions` takes them.
    """

    name: str
    split: str
    class_names: tuple[str, ...]
    labels: np.ndarray
    sources: Callable[[], Iterator]

    def only(self, kept: np.ndarray) -> "LabelledSamples":
        """Return some of the samples.

        Args:
            kept: Which, shape (samples,), bool.
        """
        chosen = (each for each, keep in zip(self.sources(), kept, strict=True) if keep)
        return LabelledSamples(
            self.name, self.split, self.class_names, self.labels[kept], lambda: chosen
        )


def of_dataset(dataset: Dataset, split: str, trained: TrainedModel) -> LabelledSamples:
    """Return the samples of a split.

    Args:
        dataset: The data set.
        split: "train", "validation" or "test".
        trained: The model that will take them.

    Raises:
        SettingError: The model takes other inputs.
    """
    shape, wanted = dataset.image_shape, tuple(trained.model.input_shape[1:])
    fits = len(shape) == len(wanted) and all(
        side in (None, own) for side, own in zip(wanted, shape, strict=True)
    )
    if not fits:
        raise SettingError(
            f"{trained.name} takes inputs of shape {wanted}, and those of {dataset.name!r} have "
            f"{shape}: choose a data set like its own, or a folder, whose files are converted."
        )
    if isinstance(trained.inputs, TextInput) and dataset.vocabulary != trained.inputs.vocabulary:
        raise SettingError(
            f"{dataset.name!r} numbers its words otherwise than {trained.name} learnt them: give a "
            "folder or table of texts."
        )
    samples = dataset.splits[split]

    def rows() -> Iterator[np.ndarray]:
        for start in range(0, len(samples), ROWS):
            yield from samples.inputs[np.arange(start, min(start + ROWS, len(samples)))]

    return LabelledSamples(dataset.name, split, dataset.class_names, samples.labels, rows)


def of_path(path: Path, split: str, trained: TrainedModel) -> LabelledSamples:
    """Return the files of a folder, or the rows of a table, as the model takes them.

    Args:
        path: A folder CLASS/FILE or SPLIT/CLASS/FILE, or a table with a label column.
        split: Which split, if the folder or table has splits; else all files count.
        trained: The model that will take them.

    Raises:
        MissingDataError: There is nothing at the path.
        SettingError: The folder or the table allows no data set, or has no such split.
    """
    texts: Sequence[str] | None = None
    if isinstance(trained.inputs, TextInput) and _holds_texts(path):
        texts, names, labels, splits, several = read_table(path, TEXT)
        files = tuple(File("", *row) for row in zip(splits, labels, strict=True))
        listing = Listing(path.parent, files, names, multi_label=several)
    else:
        listing = list_path(path)
    named = {file.split for file in listing.files} - {None}
    chosen = [i for i, file in enumerate(listing.files) if not named or file.split == split]
    if not chosen:
        raise SettingError(
            f"{path} has the splits {', '.join(sorted(map(str, named)))}, and no {split}."
        )

    def sources() -> Iterator[Path | str]:
        return iter(
            [texts[i] for i in chosen]
            if texts is not None
            else [listing.root / listing.files[i].path for i in chosen]
        )

    labels = listing.labels_of(listing.files[i] for i in chosen)
    part = split if named else "all"
    return LabelledSamples(name_of(path), part, listing.class_names, labels, sources)


def labelled_samples(
    named: str | os.PathLike | Dataset, split: str, trained: TrainedModel
) -> LabelledSamples:
    """Return the samples of a data set by name, of files, or of a Dataset.

    Args:
        named: The name of a data set, the path of a folder or table, or a Dataset.
        split: Which split.
        trained: The model that will take them.

    Raises:
        CnnkitError: There is no such data set, or the model cannot take it.
    """
    if isinstance(named, Dataset):
        return of_dataset(named, split, trained)
    word = os.fspath(named)
    if word in data.names() and not Path(word).is_dir():
        return of_dataset(data.load(word), split, trained)
    if os.path.exists(word) or os.sep in word:
        return of_path(Path(word), split, trained)
    return of_dataset(data.load(word), split, trained)  # which names the nearest


def _holds_texts(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and any(name in TEXT for name in column_names(path))
