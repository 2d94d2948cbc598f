"""Model files from elsewhere: what is harmless opens, and the rest is refused with its reason."""

import inspect
import io
import json
import pickle
import resource
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from cnnkit.errors import CnnkitError, RefusedFileError, SettingError
from cnnkit.model_files import keras_objects, load_model

pytestmark = pytest.mark.once


def small_network(**options):
    inputs = keras.Input((4, 4, 3), name="pixels")
    outputs = keras.ops.mean(inputs / 255 + inputs[..., ::-1], axis=-1)
    shared = keras.layers.Dense(4, activation=keras.activations.gelu, kernel_regularizer="l2")
    outputs = keras.layers.Flatten()(shared(shared(outputs)))
    outputs = keras.layers.BatchNormalization()(keras.layers.Dropout(0.5)(outputs))
    return keras.Model(inputs, keras.layers.Dense(3, name="logits", **options)(outputs))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small model file, and the model in it."""
    keras.utils.set_random_seed(0)
    model = small_network()
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model.save(path)
    return path, model


def changed(saved, folder, configure=None, add=(), weights=None, method=zipfile.ZIP_STORED):
    """Write the small model file again, with something else in it."""
    with zipfile.ZipFile(saved[0]) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    if configure:
        configuration = json.loads(contents["config.json"])
        configuration = configure(configuration) or configuration
        contents["config.json"] = json.dumps(configuration).encode()
    contents["model.weights.h5"] = weights or contents["model.weights.h5"]
    with zipfile.ZipFile(folder / "changed.keras", "w", method) as archive:
        for name, content in [*contents.items(), *add]:
            archive.writestr(name, content)
    return folder / "changed.keras"


def layer(configuration, kind):
    return next(each for each in configuration["config"]["layers"] if each["class_name"] == kind)


def refused(path, words):
    """Check that a file is refused in one line, and that it takes no gigabyte to do so."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RefusedFileError, match=words) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB


APPLICATIONS = [name for name in dir(keras.applications) if name[0].isupper()]
QUICK = "MobileNetV3Small"  # it has operations on outputs of layers


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == QUICK else pytest.mark.slow) for name in APPLICATIONS],
)
def test_networks_of_keras_open(name, tmp_path):
    build = getattr(keras.applications, name)
    model = build(weights=None, classes=5, input_shape=(96, 96, 3))
    model.save(tmp_path / "model.keras")
    for one, other in zip(
        load_model(tmp_path / "model.keras").get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_it_answers_as_the_one_that_keras_opens(saved):
    pixels = np.random.default_rng(0).random((2, 4, 4, 3), "float32")
    mine = load_model(saved[0])
    np.testing.assert_array_equal(mine(pixels), keras.saving.load_model(saved[0])(pixels))
    assert not mine.compiled


def test_a_compiled_network_inside_with_a_loss_of_ones_own_opens_without_it(tmp_path):
    def own_loss(labels, outputs):
        return keras.ops.mean(outputs)

    inner = small_network()
    inner.compile("adam", own_loss)
    inputs = keras.Input((4, 4, 3))
    keras.Model(inputs, keras.layers.Softmax()(inner(inputs))).save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.get_weights()[0], inner.get_weights()[0])


def test_layers_of_code_are_refused_by_name(tmp_path):
    inputs = keras.Input((4,))
    outputs = keras.layers.Lambda(lambda values: values + 1)(inputs)
    keras.Model(inputs, outputs).save(tmp_path / "lambda.keras")
    refused(tmp_path / "lambda.keras", "it has (Lambda|__lambda__), which runs code")
    trusted = load_model(tmp_path / "lambda.keras", trust=True)
    np.testing.assert_array_equal(trusted(np.zeros((1, 4))), np.ones((1, 4)))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow has texts")
def test_layers_of_a_vocabulary_are_refused_by_name(tmp_path):
    lookup = keras.layers.StringLookup(vocabulary=["a", "b"])
    keras.Sequential([keras.Input((1,), dtype="string"), lookup]).save(tmp_path / "lookup.keras")
    refused(tmp_path / "lookup.keras", "StringLookup, which reads a vocabulary from any file")
    trusted = load_model(tmp_path / "lookup.keras", trust=True)
    assert trusted(np.array([["b"]])).numpy().tolist() == [[2]]


def test_every_layer_of_keras_is_allowed_or_refused_by_name():
    # A layer that a newer Keras adds is refused until somebody has looked at it.
    bases = {"Layer", "Wrapper", "InputSpec"}
    classes = {each.__name__ for _, each in inspect.getmembers(keras.layers, inspect.isclass)}
    known = keras_objects.LAYERS | set(keras_objects.REFUSED)
    assert classes - bases - known == set()
    assert keras_objects.LAYERS - classes - set(dir(keras.layers)) == set()


def named(module, name):
    """A configuration whose dense layer has another activation."""

    def configure(configuration):
        layer(configuration, "Dense")["config"]["activation"] = {
            "module": module, "class_name": "function", "config": name, "registered_name": "function",
        }  # fmt: skip

    return configure


def wide(configuration):
    configuration["config"]["layers"][-1]["config"]["units"] = 10**9


def deep(configuration):
    for _ in range(200):
        configuration = {"class_name": "Sequential", "config": configuration}
    return configuration


def called_on_numbers(configuration):
    layer(configuration, "Flatten")["inbound_nodes"] = [{"args": [[[1.0]]], "kwargs": {}}]


def of_another_module(configuration):
    layer(configuration, "Flatten").update(
        module="subprocess", class_name="Popen", config={"args": ["touch", "marker"]}
    )


def a_constant_of_texts(configuration):
    layer(configuration, "Dense")["config"]["kernel_initializer"] = {
        "class_name": "__numpy__", "config": {"value": ["a"], "dtype": "<U1000000000"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("configure", "words"),
    [
        (wide, "its layers need .* numbers and it holds"),
        (deep, "nests deeper than 100"),
        (called_on_numbers, "its layer 'flatten.*' is called on no other layer"),
        (of_another_module, "it has subprocess.Popen"),
        (a_constant_of_texts, "a constant of '<U1000000000'"),
        (named("os", "system"), "it has os.system"),
        (named("builtins", "eval"), "it has builtins.eval"),
        (named("keras.utils", "get_file"), "it has keras.utils.get_file"),
        (named("keras.saving", "load_model"), "it has keras.saving.load_model"),
        (named("mine", "somebody>relu"), "it has somebody>relu"),
    ],
)
def test_a_configuration_that_asks_for_more_than_a_network_is_refused(
    configure, words, saved, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    refused(changed(saved, tmp_path, configure), words)
    assert [each.name for each in tmp_path.iterdir()] == ["changed.keras"]


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("../marker", "leads out of the folder"),
        ("/tmp/marker", "leads out of the folder"),
        ("..\\marker", "leads out of the folder"),
        ("assets/layers/a.txt", "is an asset"),
        ("code.py", "is none that Keras writes"),
        ("model.weights.npz", "is none that Keras writes"),
        ("config.json", "is there twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_keras_does_not_write_are_refused(member, words, saved, tmp_path):
    refused(changed(saved, tmp_path, add=[(member, b"harmless")]), words)


def test_gigabytes_that_a_small_file_declares_are_refused(saved, tmp_path):
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("layers/dense/vars/0", (1 << 31,), "f4")
    refused(
        changed(saved, tmp_path, weights=content.getvalue()), "declares arrays of 8,589,934,592"
    )
    bomb = changed(saved, tmp_path, weights=bytes(1 << 28), method=zipfile.ZIP_DEFLATED)
    refused(bomb, "it declares 268,4.* bytes and has")
    refused(changed(saved, tmp_path, lambda _: "0" * (1 << 25)), "'config.json' has")


def test_weights_that_lead_to_other_files_are_refused(saved, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(range(64)))
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        storage = [(str(tmp_path / "secret"), 0, 64)]
        file.create_dataset("layers/dense/vars/0", (4, 4), "f4", external=storage)
    refused(changed(saved, tmp_path, weights=content.getvalue()), "is external storage")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    small_network(bias_initializer=keras.initializers.Constant(np.nan)).save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", "logits/bias have values that are NaN")


class Marker:
    """Unpickled, it would write a file."""

    def __reduce__(self):
        return exec, ("open('marker', 'w')",)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cut.keras", None, "cut.keras is no whole .keras file"),
        ("empty.keras", b"", "empty.keras is no whole .keras file"),
        ("pickle.keras", pickle.dumps(Marker()), "pickle.keras is no whole .keras file"),
        ("model.h5", b"", "old HDF5 format may hold code"),
        ("absent.keras", None, "There is no model file"),
        ("hf://somebody/model.keras", None, "is an address"),
        (Path("gs://somebody/model.keras"), None, "is an address"),  # which has lost a slash
        ("https://example.org/model.h5", None, "is an address"),
    ],
)
def test_what_is_no_model_file_is_said_in_a_sentence(
    name, content, words, saved, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if name == "cut.keras":
        content = saved[0].read_bytes()[:-100]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CnnkitError, match=words) as caught:
        load_model(name)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "marker").exists()


def test_damaged_weights_are_said_in_a_sentence(saved, tmp_path):
    path = changed(saved, tmp_path, weights=b"not HDF5")
    with pytest.raises(SettingError, match=r"changed\.keras \(model\.weights\.h5\) is not a file"):
        load_model(path)


def test_a_layer_of_ones_own_opens_where_its_code_is_imported_and_is_named_elsewhere(tmp_path):
    class Twice(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    keras.Sequential([keras.Input((2,)), Twice()]).save(tmp_path / "model.keras")
    refused(tmp_path / "model.keras", "Twice, which is none of the layers")
    keras.saving.register_keras_serializable("mine")(Twice)
    try:
        keras.Sequential([keras.Input((2,)), Twice()]).save(tmp_path / "model.keras")
        np.testing.assert_array_equal(load_model(tmp_path / "model.keras")(np.ones((1, 2))), 2)
    finally:
        keras.saving.get_custom_objects().pop("mine>Twice")
    refused(tmp_path / "model.keras", "Twice, which is none of the layers")
