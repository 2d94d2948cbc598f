import keras
import numpy as np
import pytest
from keras import layers

from cnnkit import models
from cnnkit.keras_graph.splitting import split_frozen


def backbone(trainable=False, **options):
    image = keras.Input((8, 8, 1))
    maps = layers.Conv2D(4, 3, activation="relu", **options)(image)
    maps = layers.BatchNormalization()(maps)
    body = keras.Model(image, maps, name="body")
    body.trainable = trainable
    return body


def classifier(body, *between):
    image = keras.Input((8, 8, 1))
    values = layers.GlobalAveragePooling2D(name="pooled")(body(image))
    for layer in between:
        values = layer(values)
    return keras.Model(image, layers.Dense(3, name="logits")(values), name="whole")


@pytest.fixture
def images():
    return np.random.default_rng(0).random((5, 8, 8, 1)).astype("float32")


def test_both_parts_together_are_the_whole_and_share_its_weights(images):
    whole = classifier(backbone())
    frozen, rest = split_frozen(whole)
    assert frozen.output.name == whole.get_layer("pooled").output.name
    np.testing.assert_array_equal(
        rest.predict_on_batch(frozen.predict_on_batch(images)), whole.predict_on_batch(images)
    )
    rest.get_layer("logits").bias.assign([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(np.asarray(whole.get_weights()[-1]), [1, 2, 3])


def test_the_cut_is_before_dropout():
    frozen, rest = split_frozen(classifier(backbone(), layers.Dropout(0.5)))
    assert frozen.output.shape == (None, 4)
    assert any(isinstance(layer, layers.Dropout) for layer in rest.layers)


def test_a_model_in_the_keras_guides_way_has_one_too(images):
    body = backbone()
    whole = keras.Sequential([keras.Input((8, 8, 1)), body, layers.Flatten(), layers.Dense(2)])
    frozen, rest = split_frozen(whole)
    assert frozen.output.shape == (None, 144)
    np.testing.assert_array_equal(
        rest.predict_on_batch(frozen.predict_on_batch(images)), whole.predict_on_batch(images)
    )


def test_functions_between_layers_are_frozen_as_they_are():
    image = keras.Input((8, 8, 1))
    maps = keras.ops.relu(layers.Conv2D(4, 3, trainable=False)(image / 127.5 - 1))
    whole = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(maps)))
    frozen, rest = split_frozen(whole)
    assert frozen.output.shape == (None, 4)
    assert [variable.shape for variable in rest.trainable_variables] == [(4, 2), (2,)]


def test_statistics_that_follow_the_batches_are_not_frozen():
    image = keras.Input((8, 8, 1))
    kept = layers.Conv2D(2, 3, trainable=False, name="kept")(image)
    moving = layers.BatchNormalization(center=False, scale=False)(kept)
    whole = keras.Model(image, layers.Dense(2)(layers.Flatten()(moving)))
    frozen, _ = split_frozen(whole)
    assert frozen.output.name == whole.get_layer("kept").output.name


def test_a_shortcut_around_a_layer_moves_the_cut_before_both():
    image = keras.Input((8, 8, 2))
    first = layers.Conv2D(2, 3, padding="same", trainable=False, name="first")(image)
    second = layers.Conv2D(2, 3, padding="same", trainable=False)(first)
    learnt = layers.Conv2D(2, 3, padding="same")(second)
    added = layers.Add()([learnt, first])
    whole = keras.Model(image, layers.Dense(2)(layers.Flatten()(added)))
    frozen, _ = split_frozen(whole)
    assert frozen.output.name == whole.get_layer("first").output.name


@pytest.mark.parametrize(
    "whole",
    [
        lambda: classifier(backbone(trainable=True)),
        lambda: models.lenet5((28, 28, 1), 10),
        lambda: keras.Sequential([keras.Input((4,)), layers.Flatten(), layers.Dense(2)]),
    ],
    ids=["unfrozen", "lenet5", "no weights before"],
)
def test_without_a_frozen_beginning_there_is_none(whole):
    assert split_frozen(whole()) is None


def test_a_layer_may_be_called_twice(images):
    image = keras.Input((8, 8, 1))
    twice = layers.Conv2D(1, 3, padding="same", trainable=False)
    whole = keras.Model(image, layers.Dense(2)(layers.Flatten()(twice(twice(image)))))
    frozen, rest = split_frozen(whole)
    assert frozen.output.shape == (None, 64)
    np.testing.assert_array_equal(
        rest.predict_on_batch(frozen.predict_on_batch(images)), whole.predict_on_batch(images)
    )


def test_layers_taken_from_another_graph_are_cut_in_this_one(images):
    body = backbone()
    image = keras.Input((8, 8, 1))
    maps = body.call(layers.Rescaling(2.0)(image))  # flat, and the layers' second call
    values = layers.Flatten()(maps)
    whole = keras.Model(image, layers.Dense(3)(layers.Dropout(0.5)(values)))
    frozen, rest = split_frozen(whole)
    assert frozen.output.shape == (None, 144)
    np.testing.assert_array_equal(
        rest.predict_on_batch(frozen.predict_on_batch(images)), whole.predict_on_batch(images)
    )
