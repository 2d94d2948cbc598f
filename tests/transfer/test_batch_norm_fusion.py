import keras
import numpy as np
import pytest
from keras import layers

from cnnkit import models
from cnnkit.transfer.batch_norm_fusion import fuse_batch_norm


def unsettled(model, seed=0):
    """Give every weight and moving statistic a value of its own."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        low, high = (
            (0.5, 2.0) if "variance" in weight.name or "gamma" in weight.name else (-0.5, 0.5)
        )
        weight.assign(rng.uniform(low, high, weight.shape))
    return model


def images(*shape, seed=1):
    return np.random.default_rng(seed).random(shape, np.float32)


def normalisations(model):
    """Count the batch normalisations of a model and of the models in it."""
    own = sum(isinstance(each, layers.BatchNormalization) for each in model.layers)
    return own + sum(normalisations(each) for each in model.layers if hasattr(each, "layers"))


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((9, 2), layers.Conv1D(3, 3)),
        ((9, 2), layers.DepthwiseConv1D(3, depth_multiplier=2)),
        ((9, 2), layers.SeparableConv1D(3, 3, use_bias=False)),
        ((6, 7, 2), layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)),
        ((6, 7, 4), layers.Conv2D(4, 3, groups=2, dilation_rate=2)),
        ((6, 7, 2), layers.DepthwiseConv2D(3, depth_multiplier=3, padding="same")),
        ((6, 7, 2), layers.SeparableConv2D(4, 3, depth_multiplier=2)),
        ((4, 5, 3, 2), layers.Conv3D(3, 2)),
        ((5,), layers.Dense(4)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("options", [{}, {"scale": False, "center": False, "epsilon": 0.1}])
def test_a_layer_that_normalises_what_it_gives_gives_the_same(shape, layer, options):
    layer = type(layer).from_config(layer.get_config())
    model = keras.Sequential([keras.Input(shape), layer, layers.BatchNormalization(**options)])
    unsettled(model)
    copy = fuse_batch_norm(model)
    assert normalisations(copy) == 0
    batch = images(3, *shape)
    np.testing.assert_allclose(copy(batch), model(batch), rtol=1e-4, atol=1e-5)


def between(image):
    values = layers.Conv2D(3, 3, activation="relu")(image)
    return layers.BatchNormalization()(values)


def read_twice(image):
    values = layers.Conv2D(3, 3)(image)
    return layers.Add()([values, layers.BatchNormalization()(values)])


def given_out(image):
    values = layers.Conv2D(3, 3)(image)
    return [values, layers.BatchNormalization()(values)]


def called_twice(image):
    layer = layers.Conv2D(1, 3, padding="same")
    return layers.BatchNormalization()(layer(layer(image)))


def of_rows(image):
    return layers.BatchNormalization(axis=1)(layers.Conv2D(3, 3)(image))


def of_the_batch(image):
    return layers.BatchNormalization()(layers.Conv2D(3, 3)(image), training=True)


def of_adapted_weights(image):
    layer = layers.Conv2D(3, 3)
    values = layer(image)
    layer.enable_lora(2)
    return layers.BatchNormalization()(values)


@pytest.mark.parametrize(
    "graph",
    [of_adapted_weights, between, read_twice, given_out, called_twice, of_rows, of_the_batch],
)
def test_what_cannot_be_folded_is_left(graph):
    image = keras.Input((6, 6, 1))
    model = unsettled(keras.Model(image, graph(image)))
    assert fuse_batch_norm(model) is model


def test_the_rest_is_shared_and_the_model_itself_untouched():
    model = unsettled(models.create("resnet20", (32, 32, 3), 10))
    before, batch = [np.array(each) for each in model.get_weights()], images(4, 32, 32, 3)
    expected = model.predict_on_batch(batch)
    copy = fuse_batch_norm(model)
    assert normalisations(copy) == 0
    # Sums of random weights grow from block to block, and their rounding with them.
    scale = np.abs(expected).max()
    np.testing.assert_allclose(copy.predict_on_batch(batch), expected, atol=1e-5 * scale)
    np.testing.assert_array_equal(model.predict_on_batch(batch), expected)
    for each, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(each, old)
    head = [layer for layer in model.layers if isinstance(layer, layers.Dense)]
    assert all(layer in copy.layers for layer in head)


def test_models_in_the_model_are_folded_too():
    body = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3), layers.BatchNormalization()]
    )
    image = keras.Input((8, 8, 1))
    whole = unsettled(keras.Model(image, layers.Flatten()(body(image))))
    copy, batch = fuse_batch_norm(whole), images(3, 8, 8, 1)
    assert normalisations(copy) == 0
    np.testing.assert_allclose(copy(batch), whole(batch), rtol=1e-4, atol=1e-5)


@pytest.mark.once
@pytest.mark.parametrize("name", ["MobileNetV2", pytest.param("Xception", marks=pytest.mark.slow)])
def test_a_published_network_gives_the_same(name):
    side = 71 if name == "Xception" else 32
    model = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(side, side, 3)
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(rng.normal(0, 0.1, layer.moving_mean.shape))
            layer.moving_variance.assign(rng.uniform(0.5, 1.5, layer.moving_variance.shape))
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
    copy, batch = fuse_batch_norm(model), images(2, side, side, 3)
    assert normalisations(copy) == 0
    expected = model.predict_on_batch(batch)
    np.testing.assert_allclose(
        copy.predict_on_batch(batch), expected, atol=1e-4 * np.abs(expected).max()
    )
