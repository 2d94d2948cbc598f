import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from cnnkit import data
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once


def test_is_scikit_learns_digits_every_one_once():
    digits = data.digits(image_size=8)
    ours = np.concatenate([split.inputs for split in digits.splits.values()])
    theirs = np.round(load_digits().images * 255 / 16).astype(np.uint8)
    assert sorted(image.tobytes() for image in ours) == sorted(image.tobytes() for image in theirs)


def test_every_digit_is_enlarged_as_pillow_enlarges_it_alone():
    digits = data.digits(image_size=20)
    ours = np.concatenate([split.inputs for split in digits.splits.values()])[..., 0]
    theirs = [
        Image.fromarray(np.round(image * 255 / 16).astype(np.uint8)).resize((20, 20), Image.BICUBIC)
        for image in load_digits().images
    ]
    assert sorted(image.tobytes() for image in ours) == sorted(image.tobytes() for image in theirs)


def test_labels_stay_with_their_images():
    bunch = load_digits()
    known = {
        np.round(image * 255 / 16).astype(np.uint8).tobytes(): target
        for image, target in zip(bunch.images, bunch.target, strict=True)
    }
    for split in data.digits(image_size=8).splits.values():
        assert [known[image.tobytes()] for image in split.inputs] == split.labels.tolist()


def test_the_test_split_is_a_stratified_fifth():
    digits = data.digits()
    assert len(digits.test) == 360
    assert max(digits.counts()["test"]) - min(digits.counts()["test"]) <= 2


def test_the_test_split_does_not_depend_on_the_validation_fraction():
    one, other = data.digits(validation=0.1).test, data.digits(validation=0.3).test
    np.testing.assert_array_equal(one.inputs, other.inputs)


@pytest.mark.parametrize("size", [8, 28, 32])
def test_images_have_the_size_asked_for(size):
    assert data.digits(image_size=size).image_shape == (size, size, 1)


def test_too_small_a_size_is_refused():
    with pytest.raises(SettingError, match="8 .* to 512, not 7"):
        data.digits(image_size=7)


def test_are_read_without_importing_scikit_learn():
    code = "import sys; from cnnkit import data; data.digits(); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_are_the_same_from_a_scikit_learn_that_keeps_its_files_elsewhere(monkeypatch):
    usual = data.digits(image_size=8).content_hash
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert data.digits(image_size=8).content_hash == usual
