"""Fused batch normalisation against Keras' own, and against NumPy in float64."""

import contextlib

import keras
import numpy as np
import pytest
from keras import layers

from cnnkit.keras_graph.fused_normalization import fused_batch_normalization

OPTIONS = [{}, {"scale": False}, {"center": False}, {"epsilon": 1e-5, "momentum": 0.9}]


def images(channels: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(3, 2, (8, 6, 7, channels)).astype("float32")


def trained(fused: bool, layer: keras.Layer, dtype: str = "float32") -> dict[str, np.ndarray]:
    """What a training of two steps leaves, and what it answers for, with or without the operation."""
    keras.backend.clear_session()  # for the names of variables
    keras.utils.set_random_seed(0)
    before = layers.Conv2D(5, 1, dtype=dtype, name="before")
    model = keras.Sequential([keras.Input((6, 7, 5)), before, layer, layers.Flatten()])
    model.add(layers.Dense(3, dtype="float32"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    with fused_batch_normalization(model) if fused else contextlib.nullcontext():
        losses = [model.train_on_batch(images(), np.arange(8) % 3) for _ in range(2)]
    left = {variable.path: keras.ops.convert_to_numpy(variable) for variable in model.variables}
    return left | {"losses": np.array(losses), "inference": model.predict(images(), verbose=0)}


@pytest.mark.once  # the fused operation is TensorFlow's
@pytest.mark.parametrize("options", OPTIONS)
def test_trains_as_keras_does(options):
    wanted, found = (
        trained(fused, layers.BatchNormalization(name="normalised", **options))
        for fused in (False, True)
    )
    assert wanted.keys() == found.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=2e-4, atol=2e-5, err_msg=name)


@pytest.mark.once
def test_bfloat16_is_as_near_to_float32_as_keras_own():
    exact = trained(False, layers.BatchNormalization(name="normalised"))
    errors = []
    for fused in (False, True):
        layer = layers.BatchNormalization(name="normalised", dtype="mixed_bfloat16")
        found = trained(fused, layer, "mixed_bfloat16")
        errors.append(sum(np.abs(found[name] - value).sum() for name, value in exact.items()))
    assert errors[1] < 1.5 * errors[0]


def test_normalises_by_the_batch_and_averages_its_variance():
    maps = images()
    layer = layers.BatchNormalization(momentum=0.75)
    model = keras.Sequential([keras.Input((6, 7, 5)), layer])
    with fused_batch_normalization(model):
        answer = keras.ops.convert_to_numpy(model(maps, training=True))
    exact = maps.astype("float64")
    mean, variance = exact.mean(axis=(0, 1, 2)), exact.var(axis=(0, 1, 2))
    np.testing.assert_allclose(answer, (exact - mean) / np.sqrt(variance + 1e-3), atol=1e-5)
    moving = [
        keras.ops.convert_to_numpy(each) for each in (layer.moving_mean, layer.moving_variance)
    ]
    np.testing.assert_allclose(moving[0], 0.25 * mean, rtol=1e-5)
    np.testing.assert_allclose(moving[1], 0.75 + 0.25 * variance, rtol=1e-5)


def operations(model: keras.Model, shape: tuple) -> set[str]:
    """The kinds of operations in TensorFlow's graph of a training call."""
    import tensorflow

    graph = tensorflow.function(lambda maps: model(maps, training=True)).get_concrete_function(
        tensorflow.TensorSpec((2, *shape))
    )
    return {operation.type for operation in graph.graph.get_operations()}


class Own(layers.BatchNormalization):
    pass


@pytest.mark.once
@pytest.mark.parametrize(
    ("layer", "shape", "fuses"),
    [
        (layers.BatchNormalization(), (4, 4, 3), True),
        (layers.BatchNormalization(axis=3), (4, 4, 3), True),
        (layers.TimeDistributed(layers.BatchNormalization()), (5, 4, 4, 3), True),
        (layers.BatchNormalization(axis=1), (4, 4, 3), False),
        (layers.BatchNormalization(), (4, 3), False),
        (layers.BatchNormalization(dtype="float64"), (4, 4, 3), False),
        (layers.BatchNormalization(renorm=True), (4, 4, 3), False),
        (layers.BatchNormalization(trainable=False), (4, 4, 3), False),
        (Own(), (4, 4, 3), False),
    ],
)
def test_what_the_operation_cannot_do_is_left_to_keras(layer, shape, fuses):
    model = keras.Sequential([keras.Input(shape), layer])
    with fused_batch_normalization(model):
        assert ("FusedBatchNormV3" in operations(model, shape)) == fuses
    assert "FusedBatchNormV3" not in operations(model, shape)


def test_a_layer_inside_a_model_inside_a_model_is_found_and_left_as_it_was(tmp_path):
    inner = keras.Sequential([keras.Input((4, 4, 3)), layers.BatchNormalization()])
    model = keras.Sequential([keras.Input((4, 4, 3)), inner])
    before = inner.layers[0].call
    with fused_batch_normalization(model):
        changed = inner.layers[0].call != before
        model.save(tmp_path / "model.keras")
    assert changed == (keras.backend.backend() == "tensorflow")
    assert inner.layers[0].call == before
    again = keras.models.load_model(tmp_path / "model.keras")
    maps = images(3)[:, :4, :4]
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(again(maps)), keras.ops.convert_to_numpy(model(maps))
    )
