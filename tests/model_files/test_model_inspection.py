"""What a model file holds, compared with the model that Keras opens; nothing of it is built or read."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
import safetensors.numpy

from cnnkit import models
from cnnkit.errors import CnnkitError
from cnnkit.keras_graph.walk import layer_calls
from cnnkit.model_files import inspect

pytestmark = pytest.mark.once


def nested():
    """A model of all that saved names are made of: models inside, wrappers, cells, shared layers."""
    image = keras.Input((8, 8, 3), name="pixels")
    maps = keras.layers.Conv2D(4, 3, name="mine")(keras.layers.RandomFlip(seed=1)(image))
    inner = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(2)], name="inner")
    maps = keras.layers.MultiHeadAttention(2, 3)(inner(maps), inner(maps))
    steps = keras.layers.Reshape((36, 2))(maps) + 1
    steps = keras.layers.Bidirectional(keras.layers.LSTM(3))(steps)
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.Dropout(0.5)(steps)))


BUILD = {
    "nested": nested,
    "mobilenet": lambda: keras.applications.MobileNetV2((32, 32, 3), 0.35, weights=None, classes=3),
    "ours": lambda: models.create("resnet20", (16, 16, 3), 4),
}


@pytest.fixture(params=BUILD)
def saved(request, tmp_path, monkeypatch):
    """A model, and the paths of a file of it and of a file of its weights."""
    model = BUILD[request.param]()
    model.compile("adam", "mse")
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    # Whatever builds a layer or reads an array ends in a TypeError.
    monkeypatch.setattr(keras.saving, "deserialize_keras_object", None)
    monkeypatch.setattr(h5py.Dataset, "__getitem__", None)
    return model, tmp_path / "model.keras", tmp_path / "model.weights.h5"


def test_layers_and_parameters_are_those_of_the_model(saved):
    model, path, _ = saved
    facts = inspect(path)
    operations = {call.path: call.operation for call in layer_calls(model, nested=True)}
    expected = {
        name: each.count_params() if isinstance(each, keras.Layer) else 0
        for name, each in operations.items()
    }
    found = {layer.path: layer.parameters for layer in facts.layers}
    assert found == dict.fromkeys(set(found) - set(expected), 0) | expected
    assert facts.parameters == model.count_params()
    assert facts.array_bytes == 4 * model.count_params()
    assert facts.file_bytes == path.stat().st_size
    assert facts.compiled == ("Adam", "mse")
    assert facts.versions["Keras"] == keras.__version__


def test_weights_alone_have_the_same_numbers(saved):
    model, _, path = saved
    facts = inspect(path)
    assert facts.parameters == model.count_params()
    own = {call.path for call in layer_calls(model, nested=True)}
    assert {layer.path for layer in facts.layers} <= own


def test_an_input_shape_is_that_of_the_layer(tmp_path):
    nested().save(tmp_path / "model.keras")
    layers = {layer.path: layer for layer in inspect(tmp_path / "model.keras").layers}
    assert layers["pixels"].input_shape == layers["mine"].input_shape == (None, 8, 8, 3)
    assert layers["mine"].arrays == {"vars/0": (3, 3, 3, 4), "vars/1": (4,)}


def test_weights_in_safetensors(tmp_path):
    arrays = {"stem.kernel": np.ones((3, 3)), "stem.bias": np.ones(3), "head.kernel": np.ones(4)}
    safetensors.numpy.save_file(arrays, tmp_path / "w.safetensors", {"made_by": "somebody"})
    facts = inspect(tmp_path / "w.safetensors")
    assert {layer.path: layer.parameters for layer in facts.layers} == {"stem": 12, "head": 4}
    assert facts.array_bytes == 8 * 16
    assert facts.versions == {"made_by": "somebody"}


def test_keras_published_weights_of_before(tmp_path):
    with h5py.File(tmp_path / "old.h5", "w") as file:
        for name, shape in {
            "conv1/conv1/kernel:0": (3, 3, 3, 8),
            "conv1/conv1/bias:0": (8,),
        }.items():
            file[name] = np.zeros(shape, "f4")
    assert inspect(tmp_path / "old.h5").parameters == 3 * 3 * 3 * 8 + 8


def test_what_is_not_of_keras_is_named_with_its_reason(tmp_path):
    class Thrice(keras.layers.Layer):
        def call(self, inputs):
            return 3 * inputs

    inputs = keras.Input((67, 67, 3))
    outputs = keras.layers.Lambda(lambda values: 2 * values)(Thrice()(inputs))
    outputs = models.create("alexnet_2012", (67, 67, 3), 2, hidden_units=(4,))(outputs)
    keras.Model(inputs, outputs).save(tmp_path / "own.keras")
    custom = inspect(tmp_path / "own.keras").custom_objects
    own = next(name for name in custom if name.endswith("Thrice"))
    assert "import the code that registers it" in custom[own]
    assert "runs code that the file brings" in custom["Lambda"]
    assert custom["cnnkit>GroupedConv2D"] == custom["cnnkit>LocalResponseNormalization"] == ""

    lookup = keras.layers.StringLookup(vocabulary=["a", "b"])
    keras.Sequential([keras.Input((1,), dtype="string"), lookup]).save(tmp_path / "words.keras")
    assert "reads a vocabulary" in inspect(tmp_path / "words.keras").custom_objects["StringLookup"]


def test_a_model_of_keras_alone_has_nothing_of_its_own(tmp_path):
    nested().save(tmp_path / "model.keras")
    assert inspect(tmp_path / "model.keras").custom_objects == {}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.onnx", b"x", "give a .keras file, weights in .h5 or .safetensors, or a run folder"),
        ("w.safetensors", b"", "is no whole file of safetensors"),
        (
            "w.safetensors",
            (1 << 40).to_bytes(8, "little"),
            "its header has 1,099,511,627,776 bytes",
        ),
        (
            "w.safetensors",
            (60).to_bytes(8, "little") + b"{" * 60,
            "is no whole file of safetensors",
        ),
        ("w.h5", b"no HDF5", "is not a file of Keras weights"),
        ("model.keras", b"no archive", "is no whole .keras file"),
        ("absent.keras", None, "There is no model file"),
    ],
)
def test_what_is_no_model_file_is_said_in_a_sentence(name, content, words, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CnnkitError, match=words) as caught:
        inspect(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("layers", [3, "dense", {"dense": 1}, [None, 3, {"config": 2}], None])
def test_layers_that_are_none_are_not_there(layers, tmp_path):
    models.mlp((2, 2, 1), 2).save(tmp_path / "whole.keras")
    with zipfile.ZipFile(tmp_path / "whole.keras") as archive:
        weights = archive.read("model.weights.h5")
    config = {"class_name": "Sequential", "module": "keras", "config": {"layers": layers}}
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights)
    facts = inspect(tmp_path / "model.keras")
    assert all(layer.kind == "" for layer in facts.layers)
    assert facts.parameters == models.mlp((2, 2, 1), 2).count_params()
