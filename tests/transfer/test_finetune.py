"""Blocks as the papers count them, and what fine-tuning does with them."""

import keras
import numpy as np
import pytest

from cnnkit import models, transfer
from cnnkit.errors import SettingError

# Blocks and a stem: MobileNetV2, table 2 (17 bottlenecks, of which Keras names the first after the
# stem); ResNet, table 1; DenseNet, table 1 (6 + 12 + 24 + 16); ConvNeXt, section 2.2 (3, 3, 9, 3);
# EfficientNet, table 1; VGG, table 1 (5 groups of convolutions); NASNet as Keras numbers its cells.
PUBLISHED = {
    "MobileNetV2": (17, "block_16_expand"),
    "ResNet50": (1 + 16, "conv5_block3_1_conv"),
    "DenseNet121": (1 + 58, "conv5_block16_0_bn"),
    "ConvNeXtTiny": (1 + 18, "convnext_tiny_stage_3_block_2_depthwise_conv"),
    "EfficientNetB0": (1 + 16, "block7a_expand_conv"),
    "VGG16": (5, "block5_conv1"),
}


SMALL = ("MobileNetV2", "VGG16")  # what other backends than TensorFlow build in seconds


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=[] if each in SMALL else [pytest.mark.slow]) for each in PUBLISHED],
)
def test_blocks_are_those_of_the_paper(name):
    build = getattr(keras.applications, name)
    network = build(weights=None, include_top=False, input_shape=(32, 32, 3))
    found = transfer.blocks(network)
    count, first_of_last = PUBLISHED[name]
    own = [layer for block in found for layer in block]
    assert {layer.name for layer in own} == {each.name for each in network.layers if each.weights}
    assert len(own) == len({layer.name for layer in own})
    downsamplings = 3 if name == "ConvNeXtTiny" else 0
    assert (len(found) - downsamplings, found[-1][0].name) == (count, first_of_last)


@pytest.mark.once
def test_without_names_blocks_end_where_one_tensor_is_all_that_is_read():
    # Szegedy et al. 2015, table 1: three modules of 35 x 35, five of 17 x 17 with their reductions,
    # two of 8 x 8; Keras counts mixed0 to mixed10, after the five convolutions of the stem.
    network = keras.applications.InceptionV3(
        weights=None, include_top=False, input_shape=(75, 75, 3)
    )
    assert len(transfer.blocks(network)) == 5 + 11
    chain = models.lenet5((28, 28, 1), 10)
    assert [[layer.name for layer in block] for block in transfer.blocks(chain)] == [
        ["C1"], ["C3"], ["C5"], ["F6"],
    ]  # fmt: skip


@pytest.mark.once
def test_a_sequential_model_has_the_blocks_of_its_chain():
    network = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            keras.layers.Conv2D(4, 3, name="first"),
            keras.layers.BatchNormalization(name="its_normalization"),
            keras.layers.Conv2D(4, 3, name="second"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    assert [[layer.name for layer in block] for block in transfer.blocks(network)] == [
        ["first", "its_normalization"], ["second"],
    ]  # fmt: skip


def nested():
    """The way of Keras' guide: the backbone is a layer of the classifier."""
    whole = models.resnet20((32, 32, 3), 4)
    backbone = keras.Model(whole.inputs, whole.layers[-2].output)
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, keras.layers.Dense(3, name="own")(backbone(inputs)))


def test_a_nested_backbone_is_looked_into():
    model = nested()
    transfer.FineTuning(epochs=1, optimizer=keras.optimizers.SGD(), blocks=1).begin(model)
    trained = {weight.path.split("/")[-2] for weight in model.trainable_variables}
    assert trained == {"conv4_block3_1_conv", "conv4_block3_2_conv", "own"}


def test_each_block_has_its_part_of_the_learning_rate():
    network = models.convnet((12, 12, 1), 2, widths=(4, 4), depths=(1, 1), hidden_units=(8,))
    optimizer = keras.optimizers.SGD(1.0)
    transfer.FineTuning(epochs=1, optimizer=optimizer, blocks=2, layer_decay=0.5).begin(network)
    network.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(4, 12, 12, 1)).astype("float32"), np.array([0, 1, 0, 1])

    whole = keras.models.clone_model(network)
    whole.set_weights(network.get_weights())
    whole.trainable = True
    whole.compile(keras.optimizers.SGD(1.0), keras.losses.get(network.loss))
    before = {each.path: np.array(each) for each in network.variables}
    network.train_on_batch(images, labels)
    whole.train_on_batch(images, labels)
    parts = {"logits": 1.0, "hidden1": 0.5, "conv2_1": 0.25, "conv1_1": 0.0}
    for one, other in zip(network.variables, whole.variables, strict=True):
        step = parts[one.path.split("/")[0]] * (np.array(other) - before[one.path])
        np.testing.assert_allclose(np.array(one) - before[one.path], step, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"epochs": 0}, "epochs is a whole number of at least 1, not 0"),
        ({"epochs": "3"}, "epochs is a whole number of at least 1, not '3'"),
        ({"blocks": 0}, "blocks is at least 1, or None for all of them, not 0"),
        ({"layer_decay": 1.5}, "layer_decay is above 0 and at most 1, not 1.5"),
    ],
)
def test_values_that_are_not_allowed(values, told):
    with pytest.raises(SettingError, match=told):
        transfer.FineTuning(**{"epochs": 1, "optimizer": keras.optimizers.SGD()} | values)


def test_more_blocks_than_there_are():
    tuning = transfer.FineTuning(epochs=1, optimizer=keras.optimizers.SGD(), blocks=9)
    with pytest.raises(SettingError, match="'lenet5' has 4 blocks, and 9 of them should train"):
        tuning.begin(models.lenet5((28, 28, 1), 10))
