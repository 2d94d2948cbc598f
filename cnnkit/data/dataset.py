"""Dataset and Split: what every loader returns."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnkit.errors import SettingError


@dataclass(frozen=True)
class Split:
    """Inputs with their labels.

    inputs: raw values as stored, shape (samples, height, width, channels), uint8 or float32;
        an array, or anything with `shape`, `dtype` and `inputs[indices] -> array`.
    labels: class indices, shape (samples,), int64.
    """

    inputs: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        if len(self.inputs) != len(self.labels):
            raise SettingError(
                f"A split needs as many labels as inputs, not {len(self.labels)} labels "
                f"for {len(self.inputs)} inputs."
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Named splits of labelled inputs.

    `validation` is what choices are made on; `test` is looked at once, at the end of a run.
    `value_range` is what the stored values span: (0, 255) for pictures, which networks see scaled
    to [0, 1]; inputs with another range reach the network as they are.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    class_names: tuple[str, ...]
    value_range: tuple[float, float] = (0, 255)
    source: str = ""

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
    def scale(self) -> float:
        """The factor from stored values to what a network sees: 1/255 for pictures, else 1."""
        return 1 / 255 if tuple(self.value_range) == (0, 255) else 1.0

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over the inputs and labels of all splits, as a hexadecimal string."""
        digest = hashlib.sha256()
        for name, split in self.splits.items():
            for array in (split.inputs, split.labels):
                digest.update(f"{name} {array.shape} {array.dtype}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def counts(self) -> dict[str, list[int]]:
        """Return how many samples of each class each split has."""
        return {
            name: np.bincount(split.labels, minlength=self.num_classes).tolist()
            for name, split in self.splits.items()
        }
