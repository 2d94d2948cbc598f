"""Keras' answers for the page: its outputs, and gradients as TensorFlow's tape has them."""

import keras
import numpy as np
import pytest
from keras_oracle import keras_values, random_weights

from cnnkit import explorer, models
from cnnkit.explorer.keras_engine import KerasEngine

pytestmark = pytest.mark.once

CASES = {
    "lenet5": (lambda: models.lenet5((28, 28, 1), 10), (28, 28, 1)),
    "resnet20": (lambda: models.resnet_cifar((32, 32, 3), 10, depth=8), (32, 32, 3)),
    "softmax in the last layer": (lambda: _dense("softmax", 3), (6, 6, 1)),
    "one output": (lambda: _dense("sigmoid", 1), (6, 6, 1)),
    "a layer twice": (lambda: _twice(), (8, 8, 3)),
}


def _dense(activation, units):
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((6, 6, 1)), layers.Flatten(), layers.Dense(units, activation=activation)]
    )


def _twice():
    shared = keras.layers.Conv2D(3, 3, padding="same", activation="tanh", name="shared")
    picture = keras.Input((8, 8, 3))
    maps = keras.layers.GlobalAveragePooling2D()(
        keras.layers.Add()([shared(shared(picture)), picture])
    )
    return keras.Model(picture, keras.layers.Dense(4, name="logits")(maps))


@pytest.fixture(scope="module", params=CASES)
def case(request):
    make, shape = CASES[request.param]
    keras.utils.set_random_seed(0)
    model = make()
    random_weights(model)
    names = [f"class {n}" for n in range(max(2, model.output_shape[-1]))]
    document = explorer.document(model, names, explorer.Preparation(*shape))
    picture = np.random.default_rng(1).normal(size=shape).astype("float32")
    return model, document, KerasEngine(model, document), picture


def test_answers_are_probabilities_of_the_models_scores(case):
    model, document, engine, picture = case
    outputs = engine.forward(picture)
    last = outputs[document.network["layers"][-1]["name"]]
    expected = model.predict(picture[None], verbose=0)[0]
    if document.network["layers"][-1]["name"].endswith("/softmax") and len(expected) == len(last):
        scores = outputs[document.network["logits"]].astype("float64")
        powers = np.exp(scores - scores.max())
        np.testing.assert_allclose(last, powers / powers.sum(), atol=1e-6)
    if model.layers[-1].get_config().get("activation") != "linear":
        np.testing.assert_allclose(last, expected, atol=1e-6)
    else:
        np.testing.assert_allclose(outputs[document.network["logits"]], expected, atol=1e-5)


def test_gradients_are_those_of_the_tape(case):
    model, document, engine, picture = case
    network = document.network
    if network["layers"][-1]["shape"] == [1] or not network["logits"].endswith("logits"):
        pytest.skip("the oracle takes the loss of a softmax of the layer named logits")
    loss, _, maps, weights = keras_values(model, picture, 1, network["logits"])
    found = engine.backward(picture, 1)
    assert found.loss == pytest.approx(loss, rel=1e-4)
    for name, expected in maps.items():
        np.testing.assert_allclose(found.maps[name], expected, atol=1e-3 * np.abs(expected).max())
    for name, arrays in weights.items():
        for mine, expected in zip(found.weights[name], arrays, strict=True):
            np.testing.assert_allclose(mine, expected, atol=1e-3 * np.abs(expected).max())


def test_a_step_against_the_gradient_lowers_the_loss_and_reset_takes_it_back(case):
    _, document, engine, picture = case
    before = engine.backward(picture, 1)
    taken = set()
    for layer in document.network["layers"]:
        trained = [n for n, weight in enumerate(layer["weights"]) if weight["trainable"]]
        for place, index in enumerate(trained):
            offset = layer["weights"][index]["offset"]
            if offset in taken:  # a shared layer's, which both of its calls name
                continue
            taken.add(offset)
            step = 1e-3 * before.weights[layer["name"]][place]
            engine.set_weight(layer["name"], index, engine.weight(layer["name"], index) - step)
    assert engine.backward(picture, 1).loss < before.loss
    engine.reset()
    assert engine.backward(picture, 1).loss == pytest.approx(before.loss, rel=1e-6)


def test_the_score_gradient_is_the_slope_of_the_score(case):
    _, document, engine, picture = case
    if document.network["layers"][-1]["shape"] == [1]:
        pytest.skip("a single score is that of the second class alone")
    first = document.network["layers"][0]["name"]
    slope = engine.score_gradients(picture, 1, [first])[first]
    change = np.random.default_rng(2).normal(size=picture.shape).astype("float32")
    logits = document.network["logits"]
    ends = [engine.forward(picture + sign * 1e-3 * change)[logits][1] for sign in (1, -1)]
    expected = (float(ends[0]) - float(ends[1])) / 2e-3
    assert float((slope * change).sum()) == pytest.approx(expected, rel=0.02, abs=1e-2)
