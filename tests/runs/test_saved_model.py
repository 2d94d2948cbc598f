"""A run's model file is opened only as the run wrote it, and says in a sentence what is wrong."""

import os
import shutil

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit import data, models
from cnnkit.cli import main
from cnnkit.errors import RunFolderError
from cnnkit.runs import Run, open_saved_model

pytestmark = pytest.mark.once


def experiment():
    return cnnkit.Experiment(
        data=data.xo(train=32, validation=16, test=8, image_size=12),
        model=models.mlp((12, 12, 1), 2, hidden_units=(4,)),
        optimizer=keras.optimizers.Adam(1e-2),
        epochs=1,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return cnnkit.run(experiment, runs_dir=tmp_path_factory.mktemp("runs"), name="one")


@pytest.fixture
def run(finished, tmp_path):
    """A copy of a finished run, which may be spoilt."""
    return Run(shutil.copytree(finished.folder, tmp_path / "experiment" / "one"))


def test_the_model_that_was_written_opens(run):
    pixels = np.random.default_rng(0).random((3, 12, 12, 1), "float32")
    expected = keras.saving.load_model(run.folder / "model.keras", compile=False)(pixels)
    np.testing.assert_array_equal(run.model(pixels), expected)


@pytest.mark.parametrize("content", [b"", b"no archive", "cut"])
def test_a_damaged_model_is_said_to_have_changed_and_with_trust_to_be_damaged(run, content):
    path = run.folder / "model.keras"
    path.write_bytes(path.read_bytes()[:-200] if content == "cut" else content)
    with pytest.raises(RunFolderError, match=r"model\.keras has changed since the run wrote it"):
        open_saved_model(run.folder)
    with pytest.raises(RunFolderError, match=r"model\.keras is no whole \.keras file") as caught:
        open_saved_model(run.folder, trust=True)
    assert "\n" not in str(caught.value)
    output = CliRunner().invoke(main, ["mistakes", str(run.folder)])
    assert output.exit_code == 2
    assert "has changed since the run wrote it" in " ".join(output.output.split())


def test_a_model_that_somebody_put_in_its_place_needs_trust(run):
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    other.save(run.folder / "model.keras")
    with pytest.raises(RunFolderError, match="if you trust who changed it"):
        open_saved_model(run.folder)
    assert open_saved_model(run.folder, trust=True).input_shape == (None, 2)
    kept = CliRunner().invoke(main, ["explain", "filters", "--trust", str(run.folder)])
    assert "has changed" not in kept.output  # but this network has no filters
    assert kept.exit_code == 2


def test_a_pipe_or_a_folder_in_its_place_is_refused_and_not_waited_for(run):
    path = run.folder / "model.keras"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(RunFolderError, match="is a device or a pipe"):
        open_saved_model(run.folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(RunFolderError, match="is a folder"):
        open_saved_model(run.folder)
