import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import ndimage

from cnnkit import data
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once

FEW = {"validation": 2, "test": 2}  # each picture takes a millisecond


def test_values_are_minus_one_and_one():
    assert set(np.unique(data.xo(train=50, **FEW).train.inputs)) == {-1.0, 1.0}


def test_the_same_seed_draws_the_same_and_another_does_not():
    first, again, other = (data.xo(train=20, seed=seed, **FEW).train.inputs for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_no_test_image_is_a_training_image():
    shapes = data.xo(train=500, validation=2, test=500)
    seen = {image.tobytes() for image in shapes.train.inputs}
    assert not any(image.tobytes() in seen for image in shapes.test.inputs)


def test_an_o_encloses_black_and_an_x_does_not():
    shapes = data.xo(train=400, **FEW)
    framed = [np.pad(image[..., 0], 1, constant_values=-1) for image in shapes.train.inputs]
    holes = np.array([ndimage.label(image < 0)[1] - 1 for image in framed])
    is_o = shapes.train.labels == shapes.class_names.index("O")
    assert set(holes[is_o]) == {1}
    assert set(holes[~is_o]) == {0}


def test_noise_turns_that_part_of_the_pixels():
    clean, noisy = (data.xo(train=200, noise=noise, **FEW).train.inputs for noise in (0, 0.2))
    assert np.mean(clean != noisy) == pytest.approx(0.2, abs=0.01)


@settings(max_examples=15, deadline=None)
@given(size=st.integers(9, 64), seed=st.integers(0, 10**6))
def test_every_picture_has_a_stroke_at_any_size(size, seed):
    images = data.xo(train=4, image_size=size, seed=seed, **FEW).train.inputs
    assert images.shape == (4, size, size, 1)
    assert (images > 0).reshape(4, -1).sum(axis=1).min() >= 5


@pytest.mark.parametrize("bad", [{"image_size": 8}, {"noise": 0.5}, {"noise": -0.1}, {"test": 1}])
def test_values_out_of_range_are_refused(bad):
    with pytest.raises(SettingError, match=str(next(iter(bad.values())))):
        data.xo(**bad)
