"""What a Dataset makes of labels and inputs as people have them."""

import warnings

import keras
import numpy as np
import pytest

from cnnkit import Experiment, models
from cnnkit.data import Dataset, Split
from cnnkit.errors import SettingError
from cnnkit.evaluation import MultiLabel

pytestmark = pytest.mark.once
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), np.uint8)


def made(labels, inputs=IMAGES, classes: int = 3, **options) -> Dataset:
    split = Split(inputs, labels)
    names = tuple("abcdefgh"[:classes])
    options = {"validation": split, "test": split} | options
    return Dataset(name="own", train=split, class_names=names, **options)


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 2, 2, 1, 0],
        np.array([[0], [1], [2], [2], [1], [0]], np.uint8),  # as keras.datasets.cifar10 has them
        np.array([0, 1, 2, 2, 1, 0], np.float32),
    ],
)
def test_class_indices_of_any_kind_are_a_vector_of_int64(labels):
    for split in made(labels).splits.values():
        assert split.labels.dtype == np.int64
        assert split.labels.tolist() == [0, 1, 2, 2, 1, 0]


def test_a_split_whose_labels_are_plain_stays_the_one_it_is():
    split = Split(IMAGES, np.arange(6) % 3)
    found = Dataset(name="own", train=split, validation=split, test=split, class_names=tuple("abc"))
    assert found.train is split


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([1, 2, 3, 3, 2, 1], "0 to 2, and these go from 1 to 3"),
        ([-1, 0, 1, 0, 1, 2], "go from -1 to 2"),
        ([0, 0.5, 1, 0, 1, 2], "whole numbers, and some of these are not"),
        ([0, np.nan, 1, 0, 1, 2], "whole numbers, and some of these are not"),
        (["a", "b", "c", "a", "b", "c"], "np.unique"),
        (np.zeros((6, 4)), r"\(samples,\), or \(samples, 3\).*not \(6, 4\)"),
        (np.zeros((6, 8, 8)), r"not \(6, 8, 8\)"),
    ],
)
def test_what_are_no_labels_of_these_classes_is_said(labels, words):
    with pytest.raises(SettingError, match=words):
        made(labels)


def test_splits_that_differ_are_named():
    labels = np.arange(6) % 3
    with pytest.raises(SettingError, match=r"\(8, 8, 1\) in train and \(8, 8\) in test"):
        made(labels, test=Split(IMAGES[..., 0], labels))
    with pytest.raises(SettingError, match=r"\(3,\) in train and \(\) in validation"):
        made(np.ones((6, 3), np.float32), validation=Split(IMAGES, labels))


def test_one_hot_labels_are_warned_of():
    with pytest.warns(UserWarning, match=r"exactly one class.*argmax\(axis=1\)"):
        found = made(keras.utils.to_categorical([0, 1, 2, 2, 1, 0], 3))
    assert found.task == MultiLabel()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(np.eye(6, 3, dtype=np.float32) + np.eye(6, 3, 1, dtype=np.float32))


def test_fractions_that_would_be_scaled_once_more_are_warned_of():
    fractions = IMAGES / np.float32(255)
    with pytest.warns(UserWarning, match=r"value_range=\(0, 1\)"):
        made(np.arange(6) % 3, fractions)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(np.arange(6) % 3, fractions, value_range=(0, 1))
        made(np.arange(6) % 3, IMAGES.astype("float32"))
        made(np.arange(6) % 3, np.zeros_like(fractions))


def spanning(low, high, dtype="float32"):
    """Images whose values go from `low` to `high`, the last one alone to both ends."""
    images = np.full((6, 8, 8, 1), (low + high) / 2, dtype)
    images[-1].flat[:2] = low, high
    return images


@pytest.mark.parametrize(
    ("inputs", "declared", "words"),
    [
        (spanning(0, 65535, "uint16"), (0, 255), r"0 to 65535, outside .*\(inputs - 0\) / 65535"),
        (spanning(-1024, 3071, "int16"), (0, 255), r"-1024 to 3071.*\(inputs - -1024\) / 4095"),
        (spanning(-2.3, 2.9), (0, 255), r"-2.3 to 2.9.*1/255.*give value_range=\(-3, 3\)"),
        (spanning(0, 255), (0, 1), r"0 to 255.*unscaled: give value_range=\(0, 255\)"),
        (spanning(-1, 1), (0, 1), r"give value_range=\(-1, 1\)"),
    ],
)
def test_values_outside_the_range_are_warned_of(inputs, declared, words):
    with pytest.warns(UserWarning, match=words):
        made(np.arange(6) % 3, inputs, value_range=declared)


def test_a_test_split_in_another_range_is_named():
    labels = np.arange(6) % 3
    with pytest.warns(UserWarning, match="The test inputs of 'own' go from 0 to 255"):
        made(labels, spanning(0, 1), value_range=(0, 1), test=Split(spanning(0, 255), labels))


def test_values_inside_the_range_and_nan_are_not_warned_of():
    holed = spanning(0, 1)
    holed[0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(np.arange(6) % 3, spanning(-1024, 3071, "int16"), value_range=(-1024, 3071))
        made(np.arange(6) % 3, holed, value_range=(0, 1))


def test_lists_of_images_are_arrays():
    found = made([0, 1, 2, 2, 1, 0], list(IMAGES))
    assert found.image_shape == (8, 8, 1)
    network = models.mlp(found.image_shape, 3)
    Experiment(data=found, model=network, optimizer="adam", epochs=1)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_integers_of_two_values_that_would_be_scaled_are_warned_of(dtype):
    flags = (np.arange(IMAGES.size).reshape(IMAGES.shape) % 2).astype(dtype)
    with pytest.warns(UserWarning, match=r"are all 0 or 1, .*give value_range=\(0, 1\)"):
        made(np.arange(6) % 3, flags)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(np.arange(6) % 3, flags, value_range=(0, 1))
        made(np.arange(6) % 3, (255 * flags).astype("uint8"))
        made(np.arange(6) % 3, np.zeros(IMAGES.shape, dtype))
