"""Class activation maps against the papers' formulas written in NumPy, on our and real weights."""

import keras
import numpy as np
import pytest
from skimage.transform import resize

from cnnkit import explain
from cnnkit.errors import SettingError


def normalised(maps):
    maps = np.maximum(maps, 0)
    largest = maps.max(axis=(1, 2), keepdims=True)
    return maps / np.where(largest > 0, largest, 1)


@pytest.fixture(scope="session")
def pooled(pooled_model):
    """(images, maps, slopes of class 2's logit at the maps): a weight over the number of places."""
    images = np.random.default_rng(8).normal(size=(4, 6, 6, 1)).astype("float32")
    maps = explain.feature_maps(pooled_model, images, ["conv"])["conv"]
    return images, maps, pooled_model.layers[-1].get_weights()[0][:, 2] / 36


def test_grad_cam_after_pooling_is_the_class_activation_map(pooled_model, pooled):
    images, maps, slopes = pooled
    found = explain.grad_cam(pooled_model, images, 2)
    np.testing.assert_allclose(found, normalised(maps @ slopes), atol=1e-5)


def test_a_class_that_is_given_needs_no_prediction(pooled_model, monkeypatch):
    images = np.zeros((2, 6, 6, 1), "float32")
    monkeypatch.setattr(type(pooled_model), "predict_on_batch", None)
    assert explain.grad_cam(pooled_model, images, [0, 2]).shape == (2, 6, 6)
    with pytest.raises(SettingError, match="no class 3: .* has 3, from 0 to 2"):
        explain.grad_cam(pooled_model, images, 3)


def test_grad_cam_plus_plus_is_equation_19(pooled_model, pooled):
    images, maps, slopes = pooled
    shares = slopes**2 / (2 * slopes**2 + maps.sum(axis=(1, 2), keepdims=True) * slopes**3)
    weights = (shares * np.maximum(slopes, 0) * np.ones_like(maps)).sum(axis=(1, 2), keepdims=True)
    wanted = normalised((weights * maps).sum(axis=-1))
    np.testing.assert_allclose(
        explain.grad_cam_plus_plus(pooled_model, images, 2), wanted, atol=1e-4
    )


def test_layer_cam_weighs_each_place_by_its_own_positive_slope(pooled_model, pooled):
    images, maps, slopes = pooled
    wanted = normalised(maps @ np.maximum(slopes, 0))
    np.testing.assert_allclose(explain.layer_cam(pooled_model, images, 2), wanted, atol=1e-5)


def test_a_map_is_drawn_over_the_images_size(digits_model, digits):
    image = digits[0][0]
    coarse = explain.feature_maps(digits_model, image, ["conv2"])["conv2"]
    assert coarse.shape[:2] == (4, 4)
    found = explain.grad_cam(digits_model, np.repeat(image[None], 10, axis=0), np.arange(10))
    slopes = digits_model.layers[-1].get_weights()[0].reshape(16, 16, 10).mean(axis=0)
    cams = np.maximum(np.moveaxis(coarse @ slopes, -1, 0), 0)
    assert cams.any()
    drawn = [resize(cam, (8, 8), order=1, mode="edge", anti_aliasing=False) for cam in cams]
    np.testing.assert_allclose(found, normalised(np.array(drawn)), atol=1e-4)


METHODS = [
    explain.grad_cam, explain.grad_cam_plus_plus, explain.layer_cam, explain.score_cam,
    explain.gradient, explain.smooth_grad, explain.integrated_gradients,
    explain.guided_backpropagation, explain.occlusion, explain.rise,
]  # fmt: skip
FEW = {"smooth_grad": {"samples": 3}, "integrated_gradients": {"steps": 3}, "rise": {"masks": 30}}


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_inside_a_nested_backbone_all_is_as_in_the_flat_network(
    digits_model, nested_model, digits, method
):
    images, few = digits[0][:3], FEW.get(method.__name__, {})
    np.testing.assert_allclose(
        method(nested_model, images, **few), method(digits_model, images, **few), atol=1e-4
    )


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_a_batch_is_as_one_image_at_a_time(digits_model, digits, method):
    images, few = digits[0][5:10], FEW.get(method.__name__, {})
    if method is explain.smooth_grad:
        few = few | {"noise": 0.0}  # each copy of a batch has its own noise
    together = method(digits_model, images, 4, batch_size=2, **few)
    alone = np.stack([method(digits_model, image, 4, **few) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_each_says_what_it_may_not_be_trusted_for(method):
    assert "Do not trust" in method.__doc__


def test_sequences_have_maps_of_steps(noise):
    model = keras.Sequential(
        [
            keras.Input((12, 2)),
            keras.layers.Conv1D(4, 3, activation="relu"),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(2),
        ]
    )
    sounds = noise(3, 12, 2)
    assert explain.grad_cam(model, sounds).shape == (3, 12)
    assert explain.occlusion(model, sounds).shape == (3, 12)
    assert explain.score_cam(model, sounds[0]).shape == (12,)
    assert explain.rise(model, sounds, masks=8).shape == (3, 12)


def test_a_layer_without_maps_names_those_that_have_them(digits_model, digits):
    with pytest.raises(SettingError, match="use one of conv1, pool1, conv2"):
        explain.grad_cam(digits_model, digits[0][0], layer="logits")


def test_a_model_without_maps_says_what_does_without():
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    with pytest.raises(SettingError, match="gradient, occlusion and rise work without"):
        explain.grad_cam(model, np.zeros((4, 4, 1)))


@pytest.mark.once
def test_grad_cam_of_a_pretrained_network_is_that_of_its_own_last_weights(mobilenet, photographs):
    images = photographs[:2]
    index = mobilenet.predict(images, verbose=0).argmax(axis=1)
    maps = explain.feature_maps(mobilenet, images, ["out_relu"])["out_relu"]
    weights = mobilenet.layers[-1].get_weights()[0][:, index].T
    cams = np.maximum((maps * weights[:, None, None]).sum(axis=-1), 0)
    drawn = [resize(cam, (224, 224), order=1, mode="edge", anti_aliasing=False) for cam in cams]
    found = explain.grad_cam(mobilenet, images)
    np.testing.assert_allclose(found, normalised(np.array(drawn)), atol=1e-3)
    random = np.random.default_rng(0).random(found.shape)
    good = explain.insertion(mobilenet, images, found, steps=8)
    assert (
        good.areas.mean() > explain.insertion(mobilenet, images, random, steps=8).areas.mean() + 0.1
    )
