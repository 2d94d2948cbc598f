"""Occlusion, RISE and Score-CAM against brute force: one changed image at a time."""

import keras
import numpy as np
import pytest

from cnnkit import explain
from cnnkit.errors import SettingError


def probability(model, image, index):
    logits = np.asarray(model.predict_on_batch(image[None].astype("float32")))[0].astype("float64")
    return (np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum())[index]


@pytest.mark.parametrize(("size", "stride", "value"), [(2, 1, 0.0), (3, 2, None), (3, 3, 0.5)])
def test_occlusion_is_that_of_brute_force(digits_model, digits, size, stride, value):
    image, index = digits[0][3], 3
    whole = probability(digits_model, image, index)
    starts = sorted({*range(0, 8 - size + 1, stride), 8 - size})
    total, times = np.zeros((8, 8)), np.zeros((8, 8))
    for top in starts:
        for left in starts:
            covered = image.copy()
            covered[top : top + size, left : left + size] = image.mean() if value is None else value
            loss = whole - probability(digits_model, covered, index)
            total[top : top + size, left : left + size] += loss
            times[top : top + size, left : left + size] += 1
    found = explain.occlusion(
        digits_model, image, index, patch_size=size, stride=stride, baseline=value, batch_size=7
    )
    np.testing.assert_allclose(found, total / times, atol=1e-5)


def test_a_square_larger_than_the_image_is_named(digits_model, digits):
    with pytest.raises(SettingError, match="9 pixels does not fit"):
        explain.occlusion(digits_model, digits[0][0], patch_size=9)


def test_score_cam_is_that_of_brute_force(pooled_model, noise):
    image, index = noise(6, 6, 1), 1
    maps = explain.feature_maps(pooled_model, image, ["conv"])["conv"]
    nothing = probability(pooled_model, np.zeros_like(image), index)
    cam = np.zeros((6, 6))
    for channel in np.moveaxis(maps, -1, 0):
        mask = (channel - channel.min()) / max(np.ptp(channel), 1e-12)
        cam += (probability(pooled_model, image * mask[..., None], index) - nothing) * channel
    cam = np.maximum(cam, 0)
    found = explain.score_cam(pooled_model, image, index)
    np.testing.assert_allclose(found, cam / cam.max(), atol=1e-3)


def test_score_cam_can_take_the_liveliest_maps_alone(pooled_model, noise):
    image = noise(6, 6, 1)
    one = explain.score_cam(pooled_model, image, 1, channels=1)
    maps = explain.feature_maps(pooled_model, image, ["conv"])["conv"]
    best = maps[..., maps.var(axis=(0, 1)).argmax()]
    assert not one.any() or np.unravel_index(one.argmax(), one.shape) == np.unravel_index(
        best.argmax(), best.shape
    )


@pytest.fixture(scope="session")
def corner_model():
    """Class 1 where the pixel at (1, 6) is bright, and nothing else counts."""
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    kernel = np.zeros((64, 2))
    kernel[1 * 8 + 6, 1] = 10
    model.layers[-1].set_weights([kernel, np.array([0, -5])])
    return model


def test_rise_finds_the_one_pixel_that_counts(corner_model):
    image = np.ones((8, 8, 1))
    found = explain.rise(corner_model, image, 1, masks=600, cells=4, seed=2)
    assert np.abs(np.subtract(np.unravel_index(found.argmax(), (8, 8)), (1, 6))).max() <= 1
    again = explain.rise(corner_model, image, 1, masks=600, cells=4, seed=2, batch_size=50)
    np.testing.assert_allclose(found, again, atol=1e-6)
    other = explain.rise(corner_model, image, 1, masks=600, cells=4, seed=3)
    assert 0 < np.abs(found - other).max() < 0.1


def test_rise_of_a_model_that_is_always_sure_is_the_share_of_masks_that_keep_a_pixel(corner_model):
    found = explain.rise(corner_model, np.zeros((8, 8, 1)), 0, masks=2000)
    np.testing.assert_allclose(found, probability(corner_model, np.zeros((8, 8, 1)), 0), atol=0.06)
