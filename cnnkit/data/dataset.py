"""Dataset and Split: what every loader returns."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cnnkit.data import checks
from cnnkit.data.inspection import duplicates
from cnnkit.errors import SettingError
from cnnkit.evaluation.tasks import Task, task_of_labels

SHOWN = 5  # files that `Dataset.summary` names
RESIDENT = 2**30  # bytes of a memory-mapped file up to which all of it is read into memory


@dataclass(frozen=True)
class Split:
    """Inputs with their labels.

    Args:
        inputs: Raw values as stored, uint8 or float32, shape (samples, height, width, channels) for
            images; an array, a list, or anything with `shape`, `dtype` and `inputs[indices] -> array`.
        labels: Class indices, shape (samples,), int64; or, where a sample may have any number of
            classes, 0 and 1 for each, shape (samples, classes), float32. Lists become arrays.

    Raises:
        SettingError: The inputs have no shape in common, or there are not as many labels as inputs.
    """

    inputs: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        object.__setattr__(self, "inputs", checks.as_array("inputs", self.inputs))
        object.__setattr__(self, "labels", checks.as_array("labels", self.labels))
        if len(self.inputs) != len(self.labels):
            raise SettingError(
                f"A split needs as many labels as inputs, not {len(self.labels)} labels "
                f"for {len(self.inputs)} inputs."
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        shape, dtype = tuple(self.inputs.shape), self.inputs.dtype
        return (
            f"<Split of {len(self):,} samples: inputs {shape} {dtype}, labels {self.labels.shape}>"
        )

    @property
    def task(self) -> Task:
        """SingleLabel, or MultiLabel where a sample may have any number of classes."""
        return task_of_labels(self.labels)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the inputs and labels, as a hexadecimal string."""
        digest = hashlib.sha256()
        for array in (self.inputs, self.labels):
            digest.update(f"{array.shape} {array.dtype}".encode())
            update_digest(digest, array)
        return digest.hexdigest()

    @property
    def in_memory(self) -> bool:
        """Whether the inputs are an array in memory, or a mapped file small enough to read there."""
        mapped = isinstance(self.inputs, np.memmap) and self.inputs.nbytes > RESIDENT
        return isinstance(self.inputs, np.ndarray) and not mapped


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Train, validation and test splits of labelled inputs.

    Choices are made on `validation`. `test` is looked at once, at the end of a run.

    Args:
        name: The data set's name, which reports show.
        train: What a network learns from.
        validation: What choices are made on.
        test: What the chosen network is measured on. All splits have inputs of one shape. Labels of
            shape (samples, 1), as `keras.datasets` has some, count as class indices, too.
        class_names: A name a class; numbers become texts.
        value_range: What the stored values span: (0, 255) for pictures, which networks see scaled to
            [0, 1]. Inputs with another range reach the network as they are.
        source: Where the data come from, in words.
        left_out: Files that lie with the data and are in no split, with the reason.
        repeated: Files whose content another file has in another class, with the names of these.
        vocabulary: The words that token numbers stand for, if inputs are texts.
        decoding: How files become inputs: `image_size`, `channels` and `fit` of `cnnkit.data.folder`
            for images, `sampling_rate` for sounds. Empty if inputs are not decoded from files.
        split_origin: Which splits were taken from the training files, in words.
        enlargement: Which images were enlarged because no `image_size` was chosen, in words.
        call: The loader's `name`, or the path, and its `options`; loaders set it.

    Raises:
        SettingError: Labels are none of these classes, or splits differ in shape.

    Warns:
        UserWarning: Labels of several classes name exactly one each, fractions would be scaled once
            more, or values lie outside `value_range`.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    value_range: tuple[float, float] = (0, 255)
    source: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    repeated: Mapping[str, str] = field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()
    decoding: Mapping[str, Any] = field(default_factory=dict)
    split_origin: str = ""
    enlargement: str = ""
    call: Mapping[str, Any] | None = None

    def __post_init__(self):
        object.__setattr__(self, "class_names", tuple(map(str, self.class_names)))
        for name, split in self.splits.items():
            labels = checks.plain_labels(split.labels, self.num_classes)
            if labels is not split.labels:
                object.__setattr__(self, name, Split(split.inputs, labels))
        checks.expect_one_shape(self.name, self.splits)
        checks.warn_of_misreading(self.name, self.splits, self.value_range, self.scale)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(split):,} {name}" for name, split in self.splits.items())
        kind = f"{self.image_shape} {self.train.inputs.dtype}"
        return f"<Dataset {self.name!r}: {sizes}; {self.num_classes} classes; inputs {kind}>"

    def summary(self) -> str:
        """Return what became of the files: the size of each split, and what is wrong with some."""
        sizes = ", ".join(f"{len(split):,} {name}" for name, split in self.splits.items())
        lines = [f"{self.name}: {sizes}; {self.num_classes} classes. {self.split_origin}".rstrip()]
        lines += [self.enlargement] if self.enlargement else []
        named = list(self.left_out.items())[:SHOWN]
        lines += [f"Left out: {path} {reason}." for path, reason in named]
        if len(self.left_out) > SHOWN:
            lines.append(f"Left out: {len(self.left_out) - SHOWN:,} more; dataset.json names all.")
        if self.repeated:
            lines.append(duplicates.in_words(self.repeated, "classes"))
        return "\n".join(lines)

    @property
    def is_of_files(self) -> bool:
        """Whether a loader sorted files into these splits, so that `summary` has something to say."""
        return bool(self.split_origin or self.enlargement or self.left_out or self.repeated)

    @property
    def splits(self) -> dict[str, Split]:
        """The three splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one input: (height, width, channels) for images."""
        return tuple(self.train.inputs.shape[1:])

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.class_names)

    @property
    def task(self) -> Task:
        """SingleLabel, or MultiLabel where a sample may have any number of classes.

        It decides the loss, the metrics, the last activation, the evaluation and the report.
        """
        return self.train.task

    @property
    def scale(self) -> float:
        """The factor from stored values to what a network sees: 1/255 for pictures, else 1."""
        pictures = tuple(self.value_range) == (0, 255) and not self.vocabulary
        return 1 / 255 if pictures else 1.0

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the inputs and labels of all splits, as a hexadecimal string."""
        digest = hashlib.sha256()
        for name, split in self.splits.items():
            for array in (split.inputs, split.labels):
                digest.update(f"{name} {array.shape} {array.dtype}".encode())
                update_digest(digest, array)
        return digest.hexdigest()

    def named(self, label: np.ndarray) -> str:
        """Return the class of a label in words.

        Args:
            label: A class index; or, for mixed labels and for several classes, a number a class.

        Returns:
            The class's name, or the names of all classes with their parts.
        """
        if np.ndim(label) == 0:
            return self.class_names[label]
        parts = [(part, name) for part, name in zip(label, self.class_names, strict=True) if part]
        return ", ".join(name if part == 1 else f"{part:.0%} {name}" for part, name in parts)

    def counts(self) -> dict[str, list[int]]:
        """Return how many samples of each class each split has."""
        return {
            name: class_counts(split.labels, self.num_classes).tolist()
            for name, split in self.splits.items()
        }


def update_digest(digest, array) -> None:
    """Add the content of an array to a hash.

    Args:
        digest: An object of hashlib.
        array: A NumPy array, or inputs that are read from files and know their hash.
    """
    if hasattr(array, "content_hash"):  # known without reading the files again
        digest.update(array.content_hash().encode())
    else:
        digest.update(np.ascontiguousarray(array).data)


def class_counts(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return how many samples each class has, int64, for labels of either kind that a Split has."""
    if labels.ndim == 2:
        return labels.sum(axis=0).astype(np.int64)
    return np.bincount(labels, minlength=num_classes)
