"""Every call of a model's graph, through shared layers, branches and nested models."""

import keras
import pytest
from keras import layers

from cnnkit.keras_graph.walk import as_functional, has_graph, layer_calls

pytestmark = pytest.mark.once


def sources(model, **options):
    """{path of a call: paths of the calls it reads}, in the order of the calls."""
    calls = layer_calls(model, **options)
    return {call.path: [calls[index].path for index in call.sources] for call in calls}


def test_branches_are_read_in_the_order_of_the_call():
    image = keras.Input((8, 8, 3), name="image")
    left = layers.Conv2D(4, 3, padding="same", name="left")(image)
    right = layers.Conv2D(4, 1, name="right")(image)
    model = keras.Model(image, layers.Subtract(name="difference")([right, left]))
    found = sources(model)
    assert next(iter(found)) == "image"
    assert found == {
        "image": [],
        "left": ["image"],
        "right": ["image"],
        "difference": ["right", "left"],
    }


def test_a_shared_layer_has_a_call_each_time():
    image = keras.Input((4,), name="vector")
    shared = layers.Dense(4, name="shared")
    first, second = layer_calls(keras.Model(image, shared(shared(image))))[1:]
    assert first.operation is second.operation is shared
    assert second.inputs[0] is first.outputs[0]
    assert (first.sources, second.sources) == ((0,), (1,))
    assert (first.depth, second.depth) == (1, 0)


def nested():
    vector = keras.Input((4,), name="inside")
    inner = keras.Model(vector, layers.Dense(4, name="dense")(vector), name="inner")
    image = keras.Input((4,), name="outside")
    return keras.Model(image, layers.ReLU(name="last")(inner(image)), name="outer")


def test_a_nested_model_is_one_call_unless_it_is_opened():
    assert sources(nested()) == {"outside": [], "inner": ["outside"], "last": ["inner"]}
    assert sources(nested(), nested=True) == {
        "outside": [],
        "inner/dense": ["outside"],
        "last": ["inner/dense"],
    }


def test_a_sequential_model_is_a_chain_once_it_is_built():
    model = keras.Sequential([layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    assert not has_graph(model)
    assert layer_calls(model) == []
    model.build((None, 4))
    assert [call.operation.name for call in layer_calls(model)[1:]] == ["a", "b"]
    assert as_functional(model).layers[1:] == model.layers


def test_a_model_taken_from_inside_another_has_only_its_own_calls():
    whole = nested()
    part = keras.Model(whole.get_layer("last").input, whole.output)
    assert [call.path for call in layer_calls(part)[1:]] == ["last"]


def test_keywords_of_a_call_are_there():
    image = keras.Input((4,))
    model = keras.Model(image, layers.BatchNormalization()(image, training=True))
    assert layer_calls(model)[-1].keywords["training"] is True
