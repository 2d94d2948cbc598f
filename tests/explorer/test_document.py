"""What the page is given, and what it does with changed weights; checked against Keras."""

import base64

import keras
import numpy as np
import pytest
from keras import layers
from keras_oracle import random_weights
from page_engine import ask_page

from cnnkit import explorer, models
from cnnkit.errors import SettingError
from cnnkit.explorer import layer_rules

pytestmark = pytest.mark.once

SHAPE, NAMES = (8, 8, 1), ("cat", "dog", "owl")
PREPARATION = explorer.Preparation(*SHAPE, light_on_dark=True)


def _network(*steps, shape=SHAPE):
    model = keras.Sequential([keras.Input(shape, name="pixels"), *steps])
    random_weights(model)
    return model


@pytest.fixture(scope="module")
def network():
    """Scores come out of a layer that has the softmax inside."""
    return _network(
        layers.Rescaling(1 / 255),
        layers.Conv2D(4, 3, activation="relu", name="edges"),
        layers.GlobalAveragePooling2D(name="means"),
        layers.Dense(3, activation="softmax", name="answer"),
    )


@pytest.fixture(scope="module")
def document(network):
    return explorer.document(network, NAMES, PREPARATION)


@pytest.fixture
def picture():
    return np.random.default_rng(5).uniform(0, 255, SHAPE).astype("float32")


def _layer(document, name):
    return next(layer for layer in document.network["layers"] if layer["name"] == name)


def test_document_has_the_sizes_that_keras_counts(document, network):
    layers_of_page = document.network["layers"]
    assert sum(layer["parameters"] for layer in layers_of_page) == network.count_params()
    edges = _layer(document, "edges")
    assert edges["shape"] == [6, 6, 4]
    assert edges["receptiveField"] == [3, 3]
    assert edges["multiplyAdds"] == 6 * 6 * 4 * 9
    assert _layer(document, "answer")["receptiveField"] is None


def test_weights_lie_where_the_document_says(document, network):
    for layer in document.network["layers"]:
        for number, weight in enumerate(layer["weights"]):
            size = np.prod(weight["shape"])
            found = np.frombuffer(document.weights, "<f4", size, weight["offset"])
            expected = network.get_layer(layer["name"]).get_weights()[number]
            np.testing.assert_array_equal(found.reshape(weight["shape"]), expected)


def test_scores_before_a_softmax_inside_a_layer_have_a_name(document, network, picture, tmp_path):
    assert document.network["logits"] == "answer"
    assert document.network["layers"][-1]["inputs"] == ["answer"]
    outputs, gradients = ask_page(
        tmp_path, document, ("forward", picture), ("backward", picture, 2)
    )
    expected = network(picture[None]).numpy()[0]
    np.testing.assert_allclose(outputs["answer/softmax"], expected, atol=1e-6)
    assert gradients["loss"] == pytest.approx(-np.log(expected[2]), rel=1e-4)
    np.testing.assert_allclose(
        gradients["maps"]["answer/softmax"], [0, 0, -1 / expected[2]], rtol=1e-4
    )


def test_network_of_scores_gets_a_softmax(picture, tmp_path):
    network = _network(layers.Flatten(), layers.Dense(3, name="scores"))
    document = explorer.document(network, NAMES, PREPARATION)
    (outputs,) = ask_page(tmp_path, document, ("forward", picture / 255))
    expected = keras.activations.softmax(network(picture[None] / 255)).numpy()[0]
    np.testing.assert_allclose(outputs["scores/softmax"], expected, atol=1e-6)


def test_several_classes_have_the_cross_entropy_of_one_yes(picture, tmp_path):
    network = _network(
        layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3, activation="sigmoid")
    )
    document = explorer.document(network, NAMES, PREPARATION, multi_label=True)
    (gradients,) = ask_page(tmp_path, document, ("backward", picture, 1))
    probability = network(picture[None]).numpy()[0, 1]
    expected = keras.losses.binary_crossentropy([1.0], [probability])
    assert gradients["loss"] == pytest.approx(float(expected), rel=1e-3)


def test_changed_weight_changes_what_follows_until_it_is_reset(
    document, network, picture, tmp_path
):
    kernel = np.random.default_rng(6).normal(size=(3, 3, 1, 4)).astype("float32")
    before, _, read, changed, _, after = ask_page(
        tmp_path,
        document,
        ("forward", picture),
        ("setWeight", "edges", 0, kernel.reshape(-1)),
        ("weight", "edges", 0),
        ("forward", picture),
        ("reset",),
        ("forward", picture),
    )
    copy = keras.models.clone_model(network)
    copy.set_weights([kernel, *network.get_weights()[1:]])
    np.testing.assert_array_equal(read, kernel)
    last = document.network["layers"][-1]["name"]
    np.testing.assert_allclose(changed[last], copy(picture[None]).numpy()[0], atol=1e-6)
    np.testing.assert_array_equal(after[last], before[last])


def test_gradient_of_a_score_makes_the_heat_map_of_keras(document, network, picture, tmp_path):
    import tensorflow as tf  # the oracle's tape

    outputs, gradients = ask_page(
        tmp_path, document, ("forward", picture), ("scoreGradients", picture, 1)
    )
    with tf.GradientTape() as tape:
        maps = network.get_layer("edges")(picture[None] / 255)
        tape.watch(maps)
        dense = network.get_layer("answer")
        scores = network.get_layer("means")(maps) @ dense.kernel + dense.bias
        score = scores[0, 1]
    np.testing.assert_allclose(outputs["edges"], maps[0], atol=1e-5)
    np.testing.assert_allclose(gradients["edges"], tape.gradient(score, maps)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("question", "problem"),
    [
        (("forward", np.zeros((8, 9, 1), "f4")), "takes a picture of 8 x 8 x 1, not 8 x 9 x 1"),
        (("backward", np.zeros(SHAPE, "f4"), 3), "no class 3"),
        (("setWeight", "edges", 0, np.zeros(5, "f4")), "36 values, not 5"),
        (("weight", "edges", 2), "no weight number 2"),
        (("weight", "nothing", 0), "nothing"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_page_refuses_what_does_not_fit(question, problem, document, tmp_path):
    with pytest.raises(RuntimeError, match=problem):
        ask_page(tmp_path, document, question)


def test_half_precision_rounds_kernels_alone(network, picture, tmp_path):
    document = explorer.document(network, NAMES, PREPARATION, precision="float16")
    (outputs,) = ask_page(tmp_path, document, ("forward", picture))
    copy = keras.models.clone_model(network)
    copy.set_weights(
        [w.astype("f2").astype("f4") if w.ndim > 1 else w for w in network.get_weights()]
    )
    last = document.network["layers"][-1]["name"]
    np.testing.assert_allclose(outputs[last], copy(picture[None]).numpy()[0], atol=1e-6)
    assert np.abs(outputs[last] - network(picture[None]).numpy()[0]).max() > 1e-6


def test_all_half_precision_numbers_are_read_as_numpy_writes_them(tmp_path):
    halves = np.arange(65536, dtype=np.uint16).view(np.float16)
    finite = halves[np.isfinite(halves)].astype("f4")[:, None]
    model = _network(layers.Flatten(), layers.Dense(1, use_bias=False), shape=(len(finite), 1, 1))
    model.set_weights([finite])
    document = explorer.document(
        model, ("no", "yes"), explorer.Preparation(len(finite), 1, 1), precision="float16"
    )
    (kernel,) = ask_page(tmp_path, document, ("weight", document.network["logits"], 0))
    np.testing.assert_array_equal(kernel, finite)


def test_only_layers_of_the_first_output_are_shown():
    picture = keras.Input(SHAPE)
    maps = layers.Conv2D(2, 3, name="shared")(picture)
    scores = [layers.Dense(3, name=name)(layers.Flatten()(maps)) for name in ("first", "second")]
    document = explorer.document(keras.Model(picture, scores[:1]), NAMES, PREPARATION)
    both = explorer.document(keras.Model(picture, scores), NAMES, PREPARATION)
    names = [layer["name"] for layer in both.network["layers"]]
    assert "second" not in names
    assert names == [layer["name"] for layer in document.network["layers"]]


@keras.saving.register_keras_serializable("test")
class Doubling(layers.Layer):
    def call(self, maps):
        return 2 * maps


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (Doubling(), "Doubling"),
        (layers.GroupNormalization(1), "GroupNormalization"),
        (layers.Conv2D(2, 3, activation=lambda x: x), "Conv2D"),
        (layers.UpSampling2D(2, interpolation="bicubic"), "UpSampling2D"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_page_cannot_compute_is_named(step, kind):
    network = _network(step, layers.Flatten(), layers.Dense(3))
    assert explorer.document(network, NAMES, PREPARATION).network["uncomputable"] == [kind]


def test_page_knows_every_kind_of_arithmetic_that_a_document_names(document, tmp_path):
    (known,) = ask_page(tmp_path, document, ("kernels",))
    named = {*layer_rules.CONVOLUTIONS.values(), *layer_rules.POOLINGS.values()}
    named |= {*layer_rules.GLOBAL_POOLINGS.values(), "response_normalization"}
    assert named <= set(known)


def _two_inputs():
    one, other = keras.Input(SHAPE, name="left"), keras.Input(SHAPE, name="right")
    return keras.Model([one, other], layers.Dense(3)(layers.Flatten()(one + other)))


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (
            lambda: models.convnet((100, 2), 3),
            r"takes \(100, 2\); the explorer shows networks of p",
        ),
        (lambda: _network(layers.Flatten(), layers.Dense(3), shape=(8, 8, 2)), "1 or 3"),
        (lambda: models.convnet((None, None, 3), 3, head="global"), "of known size"),
        (_two_inputs, r"2 inputs \(left, right\)"),
        (lambda: keras.Sequential([layers.Dense(3)]), "has no graph"),
        (lambda: _network(layers.Flatten(), layers.Dense(4)), "3 class names"),
        (lambda: _network(layers.Dense(3)), "shows classifiers"),
    ],
    ids=["sequence", "two channels", "open size", "two inputs", "no graph", "classes", "maps"],
)
def test_other_networks_are_refused_in_a_sentence(model, problem):
    with pytest.raises(SettingError, match=problem):
        explorer.document(model(), NAMES, PREPARATION)


def test_wrong_arguments_are_named(network):
    with pytest.raises(SettingError, match="float32.*'float8'"):
        explorer.document(network, NAMES, PREPARATION, precision="float8")
    with pytest.raises(SettingError, match="class_names is empty"):
        explorer.document(network, (), PREPARATION)


def test_samples_are_written_as_bytes(network):
    pixels = np.arange(64, dtype="uint8").reshape(SHAPE)
    sample = explorer.Sample(pixels, predicted=np.int64(1), probability=np.float32(0.5), label=2)
    document = explorer.document(network, NAMES, PREPARATION, samples=[sample])
    (written,) = document.network["samples"]
    assert base64.b64decode(written["pixels"]) == pixels.tobytes()
    assert (written["label"], written["predicted"], written["probability"]) == (2, 1, 0.5)
    assert document.network["preparation"]["lightOnDark"] is True
    assert '"range":[0,255]' in document.json()
