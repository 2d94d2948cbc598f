import numpy as np
import pandas as pd
import pytest

from cnnkit.data import Dataset, Split
from cnnkit.errors import SettingError
from cnnkit.evaluation import MultiLabel, SingleLabel

pytestmark = pytest.mark.once


def small(first_pixel=0):
    images = np.arange(4 * 2 * 2, dtype=np.uint8).reshape(4, 2, 2, 1)
    images[0, 0, 0, 0] = first_pixel
    split = Split(images, np.array([0, 1, 0, 1]))
    return Dataset(name="small", train=split, validation=split, test=split, class_names=("a", "b"))


def test_shape_classes_and_counts_come_from_the_arrays():
    dataset = small()
    assert dataset.image_shape == (2, 2, 1)
    assert dataset.num_classes == 2
    assert dataset.counts()["train"] == [2, 2]


def test_a_notebook_shows_what_is_in_it_and_not_the_pixels():
    assert repr(small()) == (
        "<Dataset 'small': 4 train, 4 validation, 4 test; 2 classes; inputs (2, 2, 1) uint8>"
    )
    assert repr(small().train) == "<Split of 4 samples: inputs (4, 2, 2, 1) uint8, labels (4,)>"


def test_the_content_hash_tells_one_changed_pixel():
    assert small().content_hash == small().content_hash
    assert small().content_hash != small(first_pixel=9).content_hash


def test_pictures_are_scaled_and_other_values_are_not():
    from dataclasses import replace

    assert small().scale == pytest.approx(1 / 255)
    assert replace(small(), value_range=(-1, 15)).scale == 1


def test_classes_may_have_numbers_for_names():
    split = small().train
    numbered = Dataset(
        name="n", train=split, validation=split, test=split, class_names=(3, np.int64(7))
    )
    assert numbered.class_names == ("3", "7")
    assert [numbered.named(label) for label in split.labels] == ["3", "7", "3", "7"]


def test_a_label_too_few_is_refused():
    with pytest.raises(SettingError, match="3 labels for 4 inputs"):
        Split(np.zeros((4, 2, 2, 1)), np.zeros(3, int))


def test_lists_become_arrays():
    split = Split([[1.0], [2.0]], [0, 1])
    assert repr(split) == "<Split of 2 samples: inputs (2, 1) float64, labels (2,)>"
    assert split.task == SingleLabel()
    assert Split(((1, 2),), ((0, 1),)).task == MultiLabel()
    assert Split(np.zeros((2, 1)), pd.Series([0, 1], index=[5, 9])).labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("inputs", "labels", "words"),
    [
        ([[1.0], [2.0, 3.0]], [0, 1], "inputs of a split"),
        (3.0, [0, 1], "inputs of a split .* not float"),
        ([{"a": 1}], [0], "inputs of a split"),
        ([[1.0], [2.0]], [[0], [0, 1]], "labels of a split"),
        ([[1.0], [2.0]], None, "labels of a split .* not NoneType"),
    ],
)
def test_what_makes_no_array_is_refused_in_a_sentence(inputs, labels, words):
    with pytest.raises(SettingError, match=words):
        Split(inputs, labels)
