"""What to do where some classes have many more samples than others."""

import hashlib
from dataclasses import replace

import numpy as np

from cnnkit.data.dataset import Dataset, Split, class_counts
from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator
from cnnkit.settings import expect_counts


def class_weights(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Return weights, float64, by which every class counts the same in a loss.

    labels of one class a sample, shape (samples,): a weight a class, shape (classes,), such that
    every class weighs samples / classes in all; as scikit-learn's "balanced".
    labels of 0 and 1 a class, shape (samples, classes): the weights of a 0 and of a 1, shape
    (classes, 2), such that in each class those without it weigh as much as those with it. (Keras'
    own `class_weight` takes the argmax of such labels, and so looks at the first class alone.)

    Raises SettingError where a class has no sample, or, with several a sample, where all have it.

    >>> class_weights(np.array([0, 0, 0, 1]), 2)
    array([0.66666667, 2.        ])
    """
    counts = class_counts(labels, num_classes)
    samples = len(labels)
    empty = np.flatnonzero((counts == 0) | ((counts == samples) & (labels.ndim == 2)))
    if len(empty):
        raise SettingError(
            f"Classes {empty.tolist()} have all samples or none, so that no weight balances them."
        )
    if labels.ndim == 2:
        return np.stack([samples / (2 * (samples - counts)), samples / (2 * counts)], axis=1)
    return samples / (num_classes * counts)


def oversample(dataset: Dataset, seed: int = 0) -> Dataset:
    """Return the data set with training samples repeated, so that every class has equally many.

    Each class is repeated whole as often as it goes into the largest, and filled up with a random
    part of itself that is a function of seed. Inputs are not copied but looked up. Validation and
    test stay as they are. Raises SettingError for samples of several classes.
    """
    labels = dataset.train.labels
    if labels.ndim == 2:
        raise SettingError(
            "Samples of several classes cannot be repeated for one class alone; weigh them instead "
            "(class_weights)."
        )
    most = class_counts(labels, dataset.num_classes).max()
    rng, chosen = random_generator(seed, Purpose.OVERSAMPLE), []
    for label in range(dataset.num_classes):
        own = np.flatnonzero(labels == label)
        if len(own):
            whole, part = divmod(most, len(own))
            chosen += [np.tile(own, whole), rng.permutation(own)[:part]]
    positions = np.sort(np.concatenate(chosen))
    train = Split(Selection(dataset.train.inputs, positions), labels[positions])
    return replace(dataset, train=train)


def limit_per_class(dataset: Dataset, samples_per_class: int, seed: int = 0) -> Dataset:
    """Return the data set with at most that many training samples of each class.

    Which ones is a function of seed; inputs are not copied but looked up, and validation and test
    stay as they are. A sample of several classes is taken while one of its classes needs it.
    Raises SettingError below one sample.
    """
    expect_counts(samples_per_class=samples_per_class)
    labels = dataset.train.labels
    member = labels > 0 if labels.ndim == 2 else np.eye(dataset.num_classes, dtype=bool)[labels]
    taken, chosen = np.zeros(dataset.num_classes, int), []
    for position in random_generator(seed, Purpose.LIMIT_PER_CLASS).permutation(len(labels)):
        if (taken[member[position]] < samples_per_class).any():
            chosen.append(position)
            taken += member[position]
    positions = np.sort(chosen)
    train = Split(Selection(dataset.train.inputs, positions), labels[positions])
    return replace(dataset, train=train)


class Selection:
    """Some rows of an array-like, in any order and number, looked up when they are asked for."""

    def __init__(self, inputs, positions: np.ndarray):
        self.inputs, self.positions, self.dtype = inputs, positions, inputs.dtype
        self.shape = (len(positions), *inputs.shape[1:])
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, indices) -> np.ndarray:
        return self.inputs[self.positions[indices]]

    def content_hash(self) -> str:
        """Return SHA-256 over the rows, or over the whole's own hash and which they are."""
        digest = hashlib.sha256()
        if hasattr(self.inputs, "content_hash"):
            digest.update(self.inputs.content_hash().encode() + self.positions.tobytes())
        else:
            digest.update(np.ascontiguousarray(self[:]).data)
        return digest.hexdigest()

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self[:], dtype)
