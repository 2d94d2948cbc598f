"""ReLU after max pooling against the order that the model has: the same bits."""

import contextlib

import keras
import numpy as np
import pytest
from keras import layers

from cnnkit import models
from cnnkit.data import Dataset, Split
from cnnkit.data.batches import Batches
from cnnkit.keras_graph.relu_after_pooling import relu_after_pooling, relu_pooling_pairs
from cnnkit.training.steps import precision
from cnnkit.training.steps.inputs import batches_made_in_step

pytestmark = pytest.mark.once
tensorflow_alone = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="XLA rounds elsewhere, and is left alone"
)

CHAINS = {
    "convolution": lambda: [layers.Conv2D(5, 3, activation="relu")],
    "normalised": lambda: [layers.Conv2D(5, 3), layers.BatchNormalization(), layers.ReLU()],
    "by a layer": lambda: [layers.Conv2D(5, 3), layers.Activation("relu")],
    "separable": lambda: [layers.SeparableConv2D(5, 3, activation="relu")],
}
POOLINGS = {
    "2 x 2": lambda: layers.MaxPooling2D(2),
    "overlapping": lambda: layers.MaxPooling2D(3, 2, padding="same"),
}


def images() -> np.ndarray:
    # Few values, so that many windows have their largest more than once.
    return np.random.default_rng(0).integers(-1, 2, (8, 11, 12, 2)).astype("float32")


def network(*chain: keras.Layer) -> keras.Model:
    model = keras.Sequential([keras.Input((11, 12, 2)), *chain, layers.Flatten()])
    model.add(layers.Dense(3, dtype="float32", name="logits"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model


def trained(chain: str, pooling: str, first: bool) -> list[np.ndarray]:
    """What two steps of training leave, with the pooling first or as the model has it."""
    keras.utils.set_random_seed(0)
    model = network(*CHAINS[chain](), POOLINGS[pooling]())
    pairs = relu_pooling_pairs(model)
    assert len(pairs) == 1
    with relu_after_pooling(pairs) if first else contextlib.nullcontext():
        for _ in range(2):
            model.train_on_batch(images(), np.arange(8) % 3)
    return [*model.get_weights(), model.predict(images(), verbose=0)]


@tensorflow_alone
@pytest.mark.parametrize(
    ("chain", "pooling", "policy"),
    [
        *((chain, pooling, "float32") for chain in CHAINS for pooling in POOLINGS),
        *(("convolution", pooling, "mixed_bfloat16") for pooling in POOLINGS),
    ],
)
def test_trains_to_the_same_bits(chain, pooling, policy):
    with precision.precision_policy(policy):
        kept, moved = (trained(chain, pooling, first) for first in (False, True))
    for one, other in zip(kept, moved, strict=True):
        np.testing.assert_array_equal(one, other)


def test_meanwhile_the_first_of_a_pair_gives_what_relu_would_take():
    model = network(layers.Conv2D(5, 3, activation="relu"), layers.MaxPooling2D(2))
    convolution, pooling = model.layers[:2]
    maps = keras.ops.convert_to_numpy(convolution(images()))
    pooled = keras.ops.convert_to_numpy(pooling(maps))
    with relu_after_pooling(relu_pooling_pairs(model)):
        raw = keras.ops.convert_to_numpy(convolution(images()))
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(pooling(raw)), pooled)
    assert raw.min() < 0
    np.testing.assert_array_equal(np.maximum(raw, 0), maps)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(convolution(images())), maps)
    assert keras.ops.convert_to_numpy(pooling(raw - 100)).max() < 0


def branched():
    image = keras.Input((11, 12, 2))
    maps = layers.Conv2D(5, 3, activation="relu")(image)
    pooled = layers.GlobalAveragePooling2D()(layers.MaxPooling2D(2)(maps))
    return keras.Model(image, layers.Add()([pooled, layers.GlobalAveragePooling2D()(maps)]))


def seen():
    image = keras.Input((11, 12, 2))
    maps = layers.Conv2D(5, 3, activation="relu")(image)
    return keras.Model(image, [maps, layers.MaxPooling2D(2)(maps)])


def shared():
    image = keras.Input((11, 12, 2))
    pool = layers.MaxPooling2D(2)
    maps = layers.Conv2D(2, 3, activation="relu")(image)
    return keras.Model(image, pool(pool(maps)))


class OwnPooling(layers.MaxPooling2D):
    pass


@pytest.mark.parametrize(
    "model",
    [
        branched,
        seen,
        shared,
        lambda: network(layers.Conv2D(5, 3, activation="relu"), OwnPooling(2)),
        lambda: network(layers.Conv2D(5, 3, activation="relu"), layers.AveragePooling2D(2)),
        lambda: network(layers.Conv2D(5, 3, activation="tanh"), layers.MaxPooling2D(2)),
        lambda: network(layers.Conv2D(5, 3), layers.ReLU(6), layers.MaxPooling2D(2)),
        lambda: network(
            layers.Conv2D(5, 3, activation="relu", activity_regularizer="l1"),
            layers.MaxPooling2D(2),
        ),
    ],
)
def test_what_is_not_the_same_is_left(model):
    assert relu_pooling_pairs(model()) == []


def test_pairs_of_known_networks():
    def names(model):
        return [(layer.name, pooling.name) for layer, pooling in relu_pooling_pairs(model)]

    lenet5 = models.lenet5((28, 28, 1), 10, activation="relu", pool="max")
    assert names(lenet5) == [("C1", "S2"), ("C3", "S4")]
    vgg16 = keras.applications.VGG16(weights=None, input_shape=(32, 32, 3), include_top=False)
    expected = [(f"block{n}_conv{2 + (n > 2)}", f"block{n}_pool") for n in range(1, 6)]
    assert names(vgg16) == expected
    image = keras.Input((32, 32, 3))
    assert names(keras.Model(image, vgg16(image))) == expected


@tensorflow_alone
def test_steps_made_inside_pool_first_and_the_model_is_as_before():
    split = Split(images(), np.arange(8) % 3)
    data = Dataset(
        name="few", train=split, validation=split, test=split, class_names=("a", "b", "c"),
        value_range=(-1, 1),
    )  # fmt: skip
    model = network(layers.Conv2D(5, 3, activation="relu"), layers.MaxPooling2D(2))
    computed = []
    activation = model.layers[0].activation
    relu = keras.activations.relu
    train, validation = (Batches(data.train, 8, seed=seed) for seed in (0, None))
    call = model.layers[0].call
    model.layers[0].call = lambda maps: (computed.append(model.layers[0].activation), call(maps))[1]
    with batches_made_in_step(model, train, validation) as (inputs, validation):
        model.fit(inputs, validation_data=validation, shuffle=False, verbose=0)
    assert keras.activations.linear in computed  # of the training step
    assert relu in computed  # of the validation step
    assert model.layers[0].activation is activation is relu
