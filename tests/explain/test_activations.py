"""Feature maps, filters, patches and preferred inputs against brute force and known answers."""

import keras
import numpy as np
import pytest
from keras import layers
from scipy import signal
from skimage.util import view_as_windows

from cnnkit import explain
from cnnkit.errors import SettingError


class Lazy:
    """A split's inputs that are never in memory as a whole."""

    def __init__(self, images, most):
        self.images, self.most = images, most

    def __len__(self):
        return len(self.images)

    def __getitem__(self, indices):
        assert len(indices) <= self.most
        return self.images[indices]


def test_feature_maps_are_those_of_a_cut_model(digits_model, digits):
    images = digits[0][:5]
    maps = explain.feature_maps(digits_model, images, ["conv1", "pool1"], batch_size=2)
    for name in ("conv1", "pool1"):
        cut = keras.Model(digits_model.inputs, digits_model.get_layer(name).output)
        np.testing.assert_allclose(maps[name], cut.predict(images, verbose=0), atol=1e-5)


def test_without_names_there_is_one_map_a_resolution(digits_model, digits):
    maps = explain.feature_maps(digits_model, digits[0][0])
    assert {path: kept.shape for path, kept in maps.items()} == {
        "conv1": (8, 8, 8),
        "conv2": (4, 4, 16),
    }


def nested(digits_model):
    """The digits network with its first layers inside another model."""
    image = keras.Input((8, 8, 1))
    backbone = keras.Model(
        digits_model.inputs, digits_model.get_layer("conv2").output, name="backbone"
    )
    flat = layers.Flatten()(backbone(image))
    return keras.Model(image, digits_model.get_layer("logits")(flat), name="nested")


def test_a_layer_that_only_reorders_axes_has_no_maps_of_its_own():
    assert set(explain.feature_maps(explain.xo.model(), explain.xo.X)) == {
        "relu",
        "pool",
        "pool_again",
    }


def test_maps_inside_a_nested_backbone_are_reached(digits_model, digits):
    inside = explain.feature_maps(nested(digits_model), digits[0][:3])
    flat = explain.feature_maps(digits_model, digits[0][:3])
    np.testing.assert_allclose(inside["backbone/conv2"], flat["conv2"], atol=1e-6)


def test_a_layer_without_maps_names_those_that_have_them(digits_model, digits):
    with pytest.raises(SettingError, match="use one of conv1, pool1, conv2"):
        explain.feature_maps(digits_model, digits[0][0], ["logits"])


def test_a_model_without_maps_says_what_it_lacks():
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(SettingError, match="no layer with feature maps"):
        explain.feature_maps(model, np.zeros((4, 4, 1)))


def test_first_filters_of_an_rgb_network_are_rgb_pictures():
    convolution = layers.Conv2D(5, 3)
    model = keras.Sequential([keras.Input((8, 8, 3)), convolution])
    pictures = explain.filters(model)
    kernel = convolution.get_weights()[0]
    assert pictures.shape == (5, 3, 3, 3)
    for index, picture in enumerate(pictures):
        own = kernel[..., index]
        np.testing.assert_allclose(2 * picture - 1, own / np.abs(own).max(), atol=1e-5)


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_top_patches_are_those_of_brute_force(digits_model, digits, layer):
    images = digits[0][:150]
    found = explain.top_patches(digits_model, images, layer, count=4, batch_size=32)
    maps = explain.feature_maps(digits_model, images, [layer], batch_size=150)[layer]
    for filter in range(maps.shape[-1]):
        highest = maps[..., filter].max(axis=(1, 2))
        np.testing.assert_allclose(found.values[filter], np.sort(highest)[::-1][:4], rtol=1e-5)
        for value, image, (row, column) in zip(
            found.values[filter], found.images[filter], found.positions[filter], strict=True
        ):
            assert maps[image, row, column, filter] == pytest.approx(value, rel=1e-5)


def test_the_patch_is_what_the_filter_reads(digits_model, digits):
    images = digits[0][:100]
    found = explain.top_patches(digits_model, images, "conv1")
    kernel, bias = digits_model.get_layer("conv1").get_weights()
    windows = view_as_windows(np.pad(images[..., 0], ((0, 0), (1, 1), (1, 1))), (1, 3, 3))
    for filter in range(kernel.shape[-1]):
        for patch, image, (row, column), value in zip(
            found.patches(images, filter), found.images[filter], found.positions[filter],
            found.values[filter], strict=True,
        ):  # fmt: skip
            read = windows[image, row, column, 0]
            assert max(0, (read * kernel[:, :, 0, filter]).sum() + bias[filter]) == pytest.approx(
                value, abs=1e-4
            )
            if 0 < row < 7 and 0 < column < 7:
                np.testing.assert_array_equal(patch[..., 0], read)


def test_only_a_batch_of_the_split_is_in_memory_and_stored_values_are_scaled(digits_model, digits):
    stored = (digits[0][:70] * 16).astype("uint8")
    lazy = explain.top_patches(digits_model, Lazy(stored, 16), "conv2", scale=1 / 16, batch_size=16)
    whole = explain.top_patches(digits_model, digits[0][:70], "conv2", batch_size=70)
    np.testing.assert_allclose(lazy.values, whole.values, rtol=1e-5)
    assert lazy.patches(Lazy(stored, 9), 0)[0].dtype == "uint8"


def test_fewer_images_than_wanted_are_all_there(digits_model, digits):
    assert explain.top_patches(digits_model, digits[0][:3], "conv2").values.shape == (16, 3)


def planted():
    """Four filters: alive, dead by its bias, and a pair that differs by a factor."""
    convolution = layers.Conv2D(4, 3, activation="relu", name="conv")
    model = keras.Sequential([keras.Input((6, 6, 1)), convolution])
    kernel = np.random.default_rng(1).normal(size=(3, 3, 1, 4))
    kernel[..., 3] = 2.5 * kernel[..., 0]
    convolution.set_weights([kernel, np.array([0, -100, 0, 0])])
    return model


def test_dead_and_duplicated_filters_are_found():
    model = planted()
    images = np.random.default_rng(2).uniform(-1, 1, (40, 6, 6, 1))
    assert explain.dead_filters(model, images, "conv", batch_size=16).tolist() == [1]
    ((one, other, cosine),) = explain.duplicated_filters(model, "conv")
    assert (one, other) == (0, 3)
    assert cosine == pytest.approx(1)


def test_the_preferred_input_of_a_linear_unit_is_the_sign_of_its_weights():
    dense = layers.Dense(3, name="units")
    model = keras.Sequential([keras.Input((5, 5, 1)), layers.Flatten(), dense])
    images = explain.activation_maximisation(
        model, "units", [0, 2], value_range=(-1, 1), jitter=0, total_variation_weight=0, steps=200
    )
    weights = dense.get_weights()[0]
    large = np.abs(weights) > 0.1 * np.abs(weights).max(axis=0)
    for image, unit in zip(images, (0, 2), strict=True):
        np.testing.assert_allclose(
            image.reshape(-1)[large[:, unit]], np.sign(weights[large[:, unit], unit])
        )


def test_preferred_digits_are_taken_for_those_digits(digits_model):
    images = explain.activation_maximisation(digits_model, "logits", range(10), jitter=1, steps=40)
    assert digits_model.predict(images, verbose=0).argmax(axis=1).tolist() == list(range(10))
    again = explain.activation_maximisation(digits_model, "logits", range(10), jitter=1, steps=40)
    np.testing.assert_array_equal(images, again)


def test_smoothness_makes_the_preferred_input_smoother(digits_model):
    rough, smooth = (
        explain.activation_maximisation(
            digits_model, "conv2", 3, total_variation_weight=weight, steps=40
        )
        for weight in (0, 50)
    )
    assert np.abs(np.diff(smooth, axis=0)).mean() < 0.8 * np.abs(np.diff(rough, axis=0)).mean()


def test_a_filter_that_is_not_there_is_named(digits_model):
    with pytest.raises(SettingError, match=r"'conv2' has filters 0 to 15, not \[16\]"):
        explain.activation_maximisation(digits_model, "conv2", 16)


def test_a_model_of_any_size_asks_for_one():
    model = keras.Sequential([keras.Input((None, None, 1)), layers.Conv2D(2, 3, name="conv")])
    with pytest.raises(SettingError, match="image_shape="):
        explain.activation_maximisation(model, "conv", 0)


def test_preferred_images_by_contrast_are_patterns_and_not_plain(digits_model):
    convolution = next(x for x in digits_model.layers if isinstance(x, keras.layers.Conv2D))
    images = explain.activation_maximisation(
        digits_model, convolution.name, range(3), contrast=True, steps=40
    )
    assert (images.std(axis=(1, 2, 3)) > 0.25).all()  # of 0.5, half black and half white
    kernel, _ = convolution.get_weights()
    noise = np.random.default_rng(0).choice([0.0, 1.0], images[0, ..., 0].shape)
    spread = [
        signal.correlate2d(x, kernel[..., 0, 0], "valid").std() for x in (images[0, ..., 0], noise)
    ]
    assert spread[0] > 1.2 * spread[1]
