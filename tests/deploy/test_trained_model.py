"""A trained model opens by run, file, backbone or as it is, and says what goes in and comes out."""

import io
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import cnnkit
from cnnkit import data, models
from cnnkit.deploy import (
    ArrayInput,
    PictureInput,
    SoundInput,
    TextInput,
    TrainedModel,
    open_trained_model,
)
from cnnkit.errors import (
    BadFile,
    MissingDataError,
    RefusedFileError,
    RunFolderError,
    SettingError,
    UnknownNameError,
)
from cnnkit.evaluation.tasks import MultiLabel, SingleLabel

pytestmark = pytest.mark.once


def classifier(outputs, activation):
    layers = [
        keras.Input((8, 6, 3)),
        keras.layers.Flatten(),
        keras.layers.Dense(outputs, activation=activation, name="last"),
    ]
    return keras.Sequential(layers, name="own")


@pytest.mark.parametrize("word", ["latest", "sentences/one", "folder", "model.keras", "run"])
def test_a_run_opens_however_it_is_named(runs_dir, word):
    folder = runs_dir / "sentences" / "one"
    source = {"folder": folder, "model.keras": folder / word, "run": cnnkit.Run(folder)}
    opened = open_trained_model(source.get(word, word), runs_dir=runs_dir)
    assert opened.name == "sentences/one"
    assert opened.task == SingleLabel()
    assert opened.class_names == tuple(cnnkit.Run(folder).dataset["class_names"])


def test_pictures_of_a_run_become_what_it_trained_on(runs_dir):
    opened = open_trained_model("shapes/one", runs_dir=runs_dir)
    assert opened.inputs == PictureInput((12, 12), 1, "stretch", (-1, 1))
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    batch = opened.inputs.batch([opened.inputs.decode(file.getvalue())])
    np.testing.assert_allclose(batch[0, :, :, 0], pixels / 127.5 - 1, atol=1e-6)
    np.testing.assert_allclose(opened.model.predict(batch, verbose=0).sum(axis=1), 1, atol=1e-6)
    with pytest.raises(BadFile, match="is empty"):
        opened.inputs.decode(b"")


def test_sounds_of_a_run_become_what_it_trained_on(runs_dir):
    soundfile = pytest.importorskip("soundfile")
    opened = open_trained_model("sounds/one", runs_dir=runs_dir)
    assert opened.inputs == SoundInput(1600, 6400)
    wave = np.sin(np.arange(1600) / 9).astype(np.float32) / 2
    file = io.BytesIO()
    soundfile.write(file, wave, 6400, format="WAV", subtype="FLOAT")
    np.testing.assert_allclose(opened.inputs.decode(file.getvalue()), wave, atol=1e-6)
    with pytest.raises(BadFile, match="cannot be read as a sound"):
        opened.inputs.decode(b"RIFF")


def test_texts_of_a_run_become_what_it_trained_on(runs_dir):
    opened = open_trained_model("sentences/one", runs_dir=runs_dir)
    reviews = data.load("sentences", train=32, validation=16, test=16)
    assert isinstance(opened.inputs, TextInput)
    assert opened.inputs.vocabulary == reviews.vocabulary
    tokens = np.asarray(reviews.test.inputs[:3])
    texts = [" ".join(reviews.vocabulary[number] for number in row if number) for row in tokens]
    decoded = [opened.inputs.decode(text.encode()) for text in texts]
    np.testing.assert_array_equal(opened.inputs.batch(decoded), tokens)
    with pytest.raises(BadFile, match="byte 1 is 0xff"):
        opened.inputs.decode(b"a\xff")


@pytest.mark.parametrize(
    ("outputs", "activation", "task", "expected"),
    [
        (3, "softmax", SingleLabel(), keras.ops.softmax),
        (3, None, SingleLabel(), keras.ops.softmax),
        (3, "sigmoid", MultiLabel(), keras.ops.sigmoid),
        (1, "sigmoid", SingleLabel(), None),
        (1, None, SingleLabel(), None),
    ],
)
def test_a_model_file_of_any_ending_gives_probabilities(
    tmp_path, outputs, activation, task, expected
):
    model = classifier(outputs, activation)
    model.save(tmp_path / "own.keras")
    opened = open_trained_model(tmp_path / "own.keras")
    assert opened.name == "own"
    assert opened.task == task
    assert opened.class_names == tuple(map(str, range(max(outputs, 2))))
    batch = np.random.default_rng(0).random((5, 8, 6, 3), "float32")
    last = model.get_layer("last")
    logits = batch.reshape(5, -1) @ np.asarray(last.kernel) + np.asarray(last.bias)
    if expected is None:
        second = 1 / (1 + np.exp(-logits))
        wanted = np.concatenate([1 - second, second], axis=1)
    else:
        wanted = np.asarray(expected(logits))
    np.testing.assert_allclose(opened.model.predict(batch, verbose=0), wanted, atol=1e-6)


@pytest.mark.parametrize("name", ["shapes", "sounds", "sentences"])
def test_the_model_file_of_a_run_needs_no_folder_to_say_what_it_takes(runs_dir, tmp_path, name):
    alone = tmp_path / "mailed.keras"
    alone.write_bytes((runs_dir / name / "one" / "model.keras").read_bytes())
    mailed = open_trained_model(alone)
    run = open_trained_model(f"{name}/one", runs_dir=runs_dir)
    assert mailed.name == "mailed"
    assert mailed.class_names == run.class_names
    assert mailed.inputs == run.inputs
    assert mailed.task == run.task


def test_a_model_in_memory_opens_with_names_for_its_classes():
    opened = open_trained_model(classifier(3, "softmax"), class_names=["a", "b", "c"])
    assert opened.class_names == ("a", "b", "c")
    assert opened.inputs == PictureInput((8, 6), 3)
    with pytest.raises(SettingError, match="3 classes apart, and there are 2"):
        open_trained_model(classifier(3, "softmax"), class_names=["a", "b"])


def test_a_model_written_as_a_class_opens_once_it_is_built():
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.dense = keras.layers.Dense(2, activation="softmax")

        def call(self, inputs):
            return self.dense(inputs)

    with pytest.raises(SettingError, match="call it once"):
        open_trained_model(Own())
    model = Own()
    values = np.ones((1, 5), np.float32)
    expected = model(values)
    opened = open_trained_model(model)
    assert opened.inputs == ArrayInput((5,))
    np.testing.assert_allclose(opened.model(values), expected, atol=1e-6)
    with pytest.raises(BadFile, match="arrays of shape"):
        opened.inputs.decode(b"any")


@pytest.mark.parametrize("word", ["relu", "several"])
def test_what_is_no_classifier_is_refused(word):
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(3, activation="relu")(inputs)
    model = keras.Model(inputs, outputs if word == "relu" else [outputs, outputs])
    with pytest.raises(
        SettingError, match="neither logits" if word == "relu" else "several outputs"
    ):
        open_trained_model(model)


def test_what_does_not_exist_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"no model file .*none\.keras"):
        open_trained_model(tmp_path / "none.keras", runs_dir=tmp_path)
    with pytest.raises(UnknownNameError, match="'mobilenet_v2'"):
        open_trained_model("mobilnet_v2", runs_dir=tmp_path)
    with pytest.raises(SettingError, match="without a classifier"):
        open_trained_model("hub:resnet_18_imagenet", runs_dir=tmp_path)


@pytest.mark.parametrize(
    "address",
    [
        "gs://bucket/model.keras", Path("gs://bucket/model.keras"),  # which has lost a slash
        "s3://bucket/runs/one", "hf://somebody/model", "https://example.org/model.keras",
    ],
)  # fmt: skip
def test_an_address_is_refused_and_not_taken_for_a_name(tmp_path, address):
    with pytest.raises(RefusedFileError, match="is an address, .*: download it") as caught:
        open_trained_model(address, runs_dir=tmp_path)
    assert str(address) in str(caught.value)


def test_a_backbone_opens_with_imagenets_names(cached_keras, tmp_path):
    opened = open_trained_model("mobilenet_v2", runs_dir=tmp_path)
    assert isinstance(opened, TrainedModel)
    assert opened.inputs == PictureInput((224, 224))
    assert (opened.class_names[3], opened.class_ids[3]) == ("tiger shark", "n01491361")


def test_a_file_that_brings_code_needs_trust(tmp_path):
    inputs = keras.Input((4, 4, 3))
    values = keras.layers.Lambda(lambda pixels: pixels / 255)(inputs)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(values))
    keras.Model(inputs, outputs).save(tmp_path / "lambda.keras")
    with pytest.raises(SettingError, match="Lambda"):
        open_trained_model(tmp_path / "lambda.keras")
    assert open_trained_model(tmp_path / "lambda.keras", trust=True).class_names == ("0", "1")


def test_a_run_whose_model_has_changed_needs_trust(runs_dir, tmp_path):
    folder = tmp_path / "shapes" / "two"
    folder.mkdir(parents=True)
    for file in (runs_dir / "shapes" / "one").iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    models.mlp((12, 12, 1), 2, hidden_units=(4,)).save(folder / "model.keras")
    with pytest.raises(RunFolderError, match="has changed"):
        open_trained_model("two", runs_dir=tmp_path)
    assert open_trained_model("two", runs_dir=tmp_path, trust=True).class_names
