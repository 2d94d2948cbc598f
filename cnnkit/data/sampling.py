"""Class weights, oversampling and few-shot subsets: what helps where classes are unequal."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cnnkit.data.dataset import Dataset, Split, class_counts
from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator
from cnnkit.settings import expect_counts


def class_weights(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return weights by which every class counts the same in a loss.

    Keras' own `class_weight` takes the argmax of labels with several classes, and so looks at one
    class alone.

    Args:
        labels: Class indices, shape (samples,); or 0 and 1 for each class, shape (samples, classes).
        num_classes: How many classes there are.

    Returns:
        For class indices: a weight a class, shape (classes,), such that every class weighs
        samples / classes in all, as scikit-learn's "balanced". For 0 and 1: the weights of a 0 and
        of a 1, shape (classes, 2), such that both weigh the same in each class. float64.

    Raises:
        SettingError: A class has no sample, or, with several classes a sample, every sample.

    >>> class_weights(np.array([0, 0, 0, 1]), 2)
    array([0.66666667, 2.        ])
    """
    counts = class_counts(labels, num_classes)
    samples = len(labels)
    empty = np.flatnonzero((counts == 0) | ((counts == samples) & (labels.ndim == 2)))
    if len(empty):
        raise SettingError(
            f"No weight balances the classes {empty.tolist()}, which have no samples, or all of them."
        )
    if labels.ndim == 2:
        return np.stack([samples / (2 * (samples - counts)), samples / (2 * counts)], axis=1)
    return samples / (num_classes * counts)


def oversample(dataset: Dataset, seed: int = 0) -> Dataset:
    """Repeat training samples until every class has as many as the largest.

    Args:
        dataset: The dataset to balance. Validation and test stay as they are.
        seed: Chooses which samples a class is filled up with, once all of them are repeated
            equally often.

    Returns:
        A new Dataset. Inputs in memory are copied; images decoded on demand are looked up.

    Raises:
        SettingError: A sample may have several classes.
    """
    labels = dataset.train.labels
    if labels.ndim == 2:
        raise SettingError(
            "Samples with several classes cannot be repeated for one class alone; weight the loss "
            "instead (class_weights)."
        )
    most = class_counts(labels, dataset.num_classes).max()
    rng, chosen = random_generator(seed, Purpose.OVERSAMPLE), []
    for label in range(dataset.num_classes):
        members = np.flatnonzero(labels == label)
        if len(members):
            repeats, rest = divmod(most, len(members))
            chosen += [np.tile(members, repeats), rng.permutation(members)[:rest]]
    return _with_train(dataset, np.sort(np.concatenate(chosen)))


def limit_per_class(dataset: Dataset, count: int, seed: int = 0) -> Dataset:
    """Keep at most `count` training samples of each class.

    Args:
        dataset: The dataset to thin out. Validation and test stay as they are.
        count: Samples a class, at least 1. A sample with several classes stays while any of them
            has fewer than that.
        seed: Chooses which samples stay.

    Returns:
        A new Dataset; its training split has at most `count * num_classes` samples. Inputs in
        memory are copied; images decoded on demand are looked up.

    Raises:
        SettingError: `count` is less than 1.
    """
    labels = dataset.train.labels
    order = random_generator(seed, Purpose.LIMIT_PER_CLASS).permutation(len(labels))
    return _with_train(dataset, first_of_each_class(labels, count, order))


def first_of_each_class(
    labels: np.ndarray, count: int, order: np.ndarray | Sequence[int]
) -> np.ndarray:
    """Return the positions of the first `count` samples of each class, in an order of preference.

    Args:
        labels: Class indices, shape (samples,), or 0 and 1 for each class, shape (samples, classes).
            A sample with several classes is chosen while any of them has fewer than `count`.
        count: Samples a class, at least 1.
        order: Positions of all samples, the preferred ones first, shape (samples,).

    Returns:
        Positions in increasing order, int64.

    Raises:
        SettingError: `count` is less than 1.

    >>> first_of_each_class(np.array([0, 0, 1, 0]), 2, order=np.array([3, 2, 1, 0]))
    array([1, 2, 3])
    """
    expect_counts(count=count)
    labels, order = np.asarray(labels), np.asarray(order, np.int64)
    if labels.ndim == 1:
        by_class = order[np.argsort(labels[order], kind="stable")]
        _, starts, sizes = np.unique(labels[by_class], return_index=True, return_counts=True)
        rank = np.arange(len(order)) - np.repeat(starts, sizes)  # within the sample's class
        return np.sort(by_class[rank < count])
    member = labels > 0
    taken, chosen = np.zeros(labels.shape[1], int), []
    for position in order:
        if (taken[member[position]] < count).any():
            chosen.append(position)
            taken += member[position]
    return np.sort(np.array(chosen, np.int64))


def _with_train(dataset: Dataset, positions: np.ndarray) -> Dataset:
    """Return the dataset with these training samples alone."""
    train = dataset.train
    # Steps gather from arrays inside the compiled loop, which a Selection would prevent.
    chosen: Any = train.inputs[positions] if train.in_memory else Selection(train.inputs, positions)
    return replace(dataset, train=Split(chosen, train.labels[positions]))


class Selection:
    """Some rows of an array-like, in any order and number, looked up on access.

    Args:
        inputs: Anything with `shape`, `dtype` and `inputs[indices] -> array`.
        positions: The rows, int64, shape (samples,).

    Attributes:
        shape: (samples, ...), as of an array of these rows.
        ndim: Length of the shape.
        dtype: That of `inputs`.
    """

    def __init__(self, inputs, positions: np.ndarray):
        self.inputs, self.positions, self.dtype = inputs, positions, inputs.dtype
        self.shape = (len(positions), *inputs.shape[1:])
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, indices) -> np.ndarray:
        return self.inputs[self.positions[indices]]

    def content_hash(self) -> str:
        """Return SHA-256 over the rows, or over the positions and the hash that `inputs` knows."""
        digest = hashlib.sha256()
        if hasattr(self.inputs, "content_hash"):
            digest.update(self.inputs.content_hash().encode() + self.positions.tobytes())
        else:
            digest.update(np.ascontiguousarray(self[:]).data)
        return digest.hexdigest()

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[:], dtype)
