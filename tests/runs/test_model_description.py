"""A model.keras says how it came about: Keras does not mind, and it is read without Keras."""

import hashlib
import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pandas
import pytest
from PIL import Image

import cnnkit
from cnnkit import data, models
from cnnkit.errors import SettingError
from cnnkit.experiment import built_in_experiment
from cnnkit.runs import read_description

pytestmark = pytest.mark.once

WITHOUT_KERAS = """
import sys
sys.modules["keras"] = sys.modules["tensorflow"] = None  # importing one is an ImportError
from cnnkit.runs import read_description
described = read_description(sys.argv[1])
print(described.task, *described.class_names, described.data_hash, described.recipe["epochs"])
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of 40 noisy pictures in two classes."""
    root, rng = tmp_path_factory.mktemp("data") / "photos", np.random.default_rng(0)
    for number in range(40):
        name = "dark" if number % 2 else "light"
        (root / name).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 120, (9, 14, 3)) + (0 if number % 2 else 130)
        Image.fromarray(pixels.astype("uint8")).save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    """A run on the folder, its pictures cut to their centre and grey."""
    options = {"image_size": 8, "channels": 1, "fit": "crop"}
    return cnnkit.run(
        built_in_experiment, dataset=str(photos), dataset_options=options, model="mlp", epochs=1,
        runs_dir=tmp_path_factory.mktemp("runs"), name="one",
    )  # fmt: skip


def model_path(run):
    return run.folder / "model.keras"


def test_it_is_read_without_keras(run):
    command = [sys.executable, "-c", WITHOUT_KERAS, str(model_path(run))]
    done = subprocess.run(command, capture_output=True, text=True)
    digest = run.dataset["content_hash"]
    assert done.stdout.split() == ["single_label", "dark", "light", digest, "1"], done.stderr


def test_keras_opens_the_file_in_safe_mode_and_saves_it_without(run, tmp_path):
    model = keras.saving.load_model(model_path(run), safe_mode=True)
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 1))
    np.testing.assert_array_equal(model(pixels), run.model(pixels))
    with zipfile.ZipFile(model_path(run)) as archive:
        names = {"config.json", "metadata.json", "model.weights.h5"}
        assert set(archive.namelist()) == names  # a fourth, and Keras unpacks all to the disk
    model.save(tmp_path / "again.keras")
    assert read_description(tmp_path / "again.keras") is None


def test_it_says_how_files_become_inputs_and_what_the_run_was(run, photos):
    described = read_description(model_path(run))
    decoding = {"image_size": [8, 8], "channels": 1, "fit": "crop"}
    assert described.dataset["decoding"] == decoding
    assert described.dataset["value_range"] == [0, 255]
    assert described.dataset["image_shape"] == [8, 8, 1]
    assert described.recipe["settings"]["model"] == "mlp"
    assert described.recipe["optimizer"]["class_name"] == "Adam"
    # A model is given away: where its data lay is a setting of the user, and nothing that we add.
    assert str(run.folder.parent) not in json.dumps(described.dataset)
    assert str(photos.parent) not in json.dumps(described.dataset)


def test_with_pythons_own_modules_it_is_one_line(run):
    with zipfile.ZipFile(model_path(run)) as archive:
        metadata = json.load(archive.open("metadata.json"))
    assert metadata["keras_version"] == keras.__version__
    assert metadata["cnnkit"]["dataset"]["class_names"] == ["dark", "light"]


def test_texts_keep_their_vocabulary(tmp_path):
    options = {"train": 32, "validation": 8, "test": 8}
    run = cnnkit.run(
        built_in_experiment, dataset="sentences", dataset_options=options, model="mlp", epochs=1,
        runs_dir=tmp_path,
    )  # fmt: skip
    described = read_description(model_path(run))
    assert described.vocabulary == data.sentences(**options).vocabulary


def test_a_frame_that_keras_would_fit_has_them_too(photos, tmp_path):
    paths = sorted(str(path) for path in photos.rglob("*.png"))
    labels = [path.split("/")[-2] for path in paths]
    model = keras.Sequential(
        [keras.Input((6, 5, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    frame = pandas.DataFrame({"path": paths, "label": labels})
    run = cnnkit.fit(model, frame, runs_dir=tmp_path, verbose=0)
    described = read_description(model_path(run))
    assert described.class_names == ("dark", "light")
    decoding = {"image_size": [6, 5], "channels": 3, "fit": "stretch"}
    assert described.dataset["decoding"] == run.dataset["decoding"] == decoding
    assert described.task == "single_label"
    assert described.data_hash == run.dataset["content_hash"]


def test_the_hash_of_arrays_is_in_it(tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")
    run = cnnkit.fit(model, x, y, runs_dir=tmp_path, verbose=0)
    described = read_description(model_path(run))
    assert len(described.data_hash) == len(hashlib.sha256().hexdigest())
    assert described.data_hash == run.dataset["content_hash"]
    assert described.class_names == ()


def test_a_file_of_keras_alone_has_none(tmp_path):
    models.mlp((2, 2, 1), 2).save(tmp_path / "model.keras")
    assert read_description(tmp_path / "model.keras") is None


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ("{", "cannot be read"),
        ('{"cnnkit": 3}', "cnnkit is 3, not an object"),
        ('{"cnnkit": {"dataset": {"class_names": "cat"}}}', "class_names is 'cat', not a list"),
        ('{"cnnkit": {"recipe": ' + "[" * 200 + "]" * 200 + "}}", "nested too deeply"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_what_no_run_writes_is_said_in_a_sentence(metadata, words, run, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(model_path(run)) as archive, zipfile.ZipFile(path, "w") as copy:
        for name in archive.namelist():
            copy.writestr(name, metadata if name == "metadata.json" else archive.read(name))
    with pytest.raises(SettingError, match=words) as caught:
        read_description(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
