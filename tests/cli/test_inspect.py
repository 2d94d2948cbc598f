"""`cnnkit inspect` as a user types it."""

import json
import shutil

import keras
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit.cli import main
from cnnkit.experiment import built_in_experiment

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    options = {"train": 32, "validation": 8, "test": 8, "image_size": 9}
    return cnnkit.run(
        built_in_experiment, dataset="xo", dataset_options=options, model="mlp", epochs=1,
        runs_dir=tmp_path_factory.mktemp("runs"), name="one",
    )  # fmt: skip


def inspect(*arguments):
    result = CliRunner().invoke(main, ["inspect", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_run_folder_and_its_model_file_say_the_same(run):
    status, of_folder = inspect(run.folder)
    assert status == 0, of_folder
    assert of_folder == inspect(run.folder / "model.keras")[1]
    words = " ".join(of_folder.split())
    assert "Classes X, O" in words
    assert f"Parameters {run.model.count_params():,} in" in words
    assert f"xo {run.dataset['content_hash']}" in words
    assert "mlp/hidden1 Dense 81 81 x 128, 128 10,496" in words
    assert "optimizer adam" in words


def test_json_has_all_of_it(run):
    status, output = inspect(run.folder / "model.keras", "--json")
    assert status == 0, output
    content = json.loads(output)
    assert content["parameters"] == sum(each["parameters"] for each in content["layers"])
    assert content["parameters"] == run.model.count_params()
    assert content["description"]["dataset"]["class_names"] == ["X", "O"]
    assert content["description"]["recipe"]["settings"] == run.experiment["settings"]
    assert content["custom_objects"] == {}


def test_a_changed_model_and_what_needs_trust_are_said_and_not_executed(run, tmp_path, monkeypatch):
    folder = shutil.copytree(run.folder, tmp_path / "xo" / "one")
    inputs = keras.Input((4,))
    outputs = keras.layers.Lambda(lambda values: values + 1, name="[bold]x")(inputs)
    keras.Model(inputs, outputs).save(folder / "model.keras")
    monkeypatch.setattr(keras.layers.Lambda, "from_config", None)  # would be a TypeError
    status, output = inspect(folder)
    assert status == 0, output
    words = " ".join(output.split())
    assert "Warning model.keras has changed since the run wrote it." in words
    assert "Lambda Lambda, which runs code that the file brings" in words
    assert "[bold]x Lambda" in words


def test_a_file_that_is_refused_is_one_sentence(tmp_path):
    (tmp_path / "model.h5").write_bytes(b"")
    status, output = inspect(tmp_path / "model.h5")
    assert status == 2
    assert output.startswith("Error: ")
    assert output.count("\n") == 1
    status, output = inspect(tmp_path)
    assert (status, "is a folder" in output) == (2, True)
    status, output = inspect("gs://bucket/model.keras")
    assert (status, "is an address" in output) == (2, True)
