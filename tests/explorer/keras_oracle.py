"""What Keras computes at every call of a network, and TensorFlow's gradients there."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from page_engine import read_answers, write_job

from cnnkit import explorer
from cnnkit.keras_graph.walk import layer_calls
from cnnkit.models.anatomy import anatomy
from cnnkit.training.keras_only import in_keras_layers

FORWARD, BACKWARD = 1e-4, 1e-3  # what the explorer promises


def random_weights(model, seed=0):
    """Give every weight of a network a value of its own, statistics of normalisations among them."""
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        if not variable.dtype.startswith("float"):
            continue
        fan_in = max(np.prod(variable.shape[:-1]), 1) if len(variable.shape) > 1 else 4
        values = generator.normal(size=variable.shape) / np.sqrt(fan_in)
        is_factor = variable.name in ("gamma", "moving_variance", "variance")
        variable.assign(np.abs(values) + 0.5 if is_factor else values)


def keras_values(model, picture, label, logits):
    """Return outputs, their gradients and those of the weights, each by name of the call."""
    calls = layer_calls(model, nested=True)
    names = [row.name for row in anatomy(model).rows]
    values = []
    with tf.GradientTape() as tape:
        for call in calls:
            if call.is_input:
                values.append(tf.convert_to_tensor(picture[None]))
            else:
                made = {id(t): values[n] for t, n in zip(call.inputs, call.sources, strict=True)}
                arguments, options = keras.tree.map_structure(
                    lambda each, made=made: made.get(id(each), each),
                    (call.positional, call.keywords),
                )
                if "training" in inspect.signature(call.operation.call).parameters:
                    options |= {"training": False}  # by itself, augmentation thinks that it trains
                values.append(call.operation(*arguments, **options))
            tape.watch(values[-1])
        scores = values[names.index(logits)]
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits([label], tf.reshape(scores, (1, -1)))
    trained = {
        name: list(call.operation.trainable_weights)
        for name, call in zip(names, calls, strict=True)
        if getattr(call.operation, "trainable_weights", ())
    }
    variables = [each.value for found in trained.values() for each in found]
    found = tape.gradient(loss, [*values, *variables], unconnected_gradients="zero")
    ofmaps, ofvariables = found[: len(values)], iter(found[len(values) :])
    outputs = {name: value.numpy()[0] for name, value in zip(names, values, strict=True)}
    maps = {name: value.numpy()[0] for name, value in zip(names, ofmaps, strict=True)}
    weights = {name: [next(ofvariables).numpy() for _ in own] for name, own in trained.items()}
    return float(loss[0]), outputs, maps, weights


def prepare_page(folder, model, picture, label=1):
    """Write a job that asks the page about a network; return what `check_answers` needs."""
    model = in_keras_layers(model)
    names = [f"class {n}" for n in range(model.output_shape[-1])]
    document = explorer.document(model, names, explorer.Preparation(*picture.shape))
    assert document.network["uncomputable"] == []
    write_job(folder, document, ("forward", picture), ("backward", picture, label))
    return folder, model, document, picture, label


def check_answers(folder, model, document, picture, label):
    """Compare the page's outputs and gradients with Keras', layer by layer."""
    outputs, gradients = read_answers(folder)
    logits = document.network["logits"]
    loss, expected, maps, ofweights = keras_values(model, picture, label, logits)
    assert set(expected) == set(outputs)
    for name, values in expected.items():
        close(outputs[name], values, FORWARD, f"output of {name}")
    assert gradients["loss"] == pytest.approx(loss, rel=1e-4, abs=1e-5)
    places = [layer["name"] for layer in document.network["layers"]]
    for name in places[: places.index(logits) + 1]:
        close(gradients["maps"][name], maps[name], BACKWARD, f"gradient at {name}")
    assert set(gradients["weights"]) == set(ofweights)
    for name, arrays in ofweights.items():
        for index, values in enumerate(arrays):
            close(gradients["weights"][name][index], values, BACKWARD, f"{name}, weight {index}")


def close(found, expected, tolerance, what):
    """Compare arrays relative to the largest value, or to 1 where that is larger."""
    assert found.shape == expected.shape, what
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(found / scale, expected / scale, 0, tolerance, err_msg=what)
