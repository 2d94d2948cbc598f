"""A command that is refused leaves every file of the run folder as it was."""

import hashlib
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.cli import main
from cnnkit.errors import RunFolderError, SettingError, TrainingError
from cnnkit.runs import checkpoints

pytestmark = pytest.mark.once


class Once(keras.callbacks.Callback):
    """Ends training at its second step, once."""

    ends = True

    def on_train_batch_end(self, batch, logs=None):
        if Once.ends and batch == 1:
            Once.ends = False
            raise RuntimeError("the power failed")


def small(optimizer: str = "sgd", units: int = 3, broken: bool = False, refuses: bool = False):
    """A network of two layers on the photos of a folder."""
    if refuses:
        raise SettingError("This experiment refuses.")
    options = {"image_size": 6, "channels": 1, "validation": 0.25, "test": 0.25}
    photos = data.folder("photos", **options)
    if broken:
        values = np.full((24, 6, 6, 1), np.nan, "float32")
        part = data.Split(values, np.arange(24) % 2)
        photos = data.Dataset(
            name="photos", train=part, validation=part, test=part, class_names=("a", "b")
        )
    model = models.mlp(photos.image_shape, photos.num_classes, hidden_units=(units,))
    return Experiment(
        data=photos, model=model, optimizer=optimizer, epochs=2, batch_size=4, callbacks=(Once(),)
    )


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a run that stopped after its first step, on a folder of photos."""
    folder = tmp_path_factory.mktemp("refused")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        draw = np.random.default_rng(0)
        for number in range(32):
            file = Path(f"photos/{'xo'[number % 2]}/{number}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw.integers(0, 256, (6, 6), dtype=np.uint8)).save(file)
        Once.ends = True
        with pytest.raises(RuntimeError, match="the power failed"):
            cnnkit.run(small, name="it", checkpoint_steps=1)
    return folder


@pytest.fixture
def run(made, tmp_path, monkeypatch):
    """A copy of that run and its photos in the working folder."""
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    run = cnnkit.Run("runs/small/it")
    # The copy works here.
    source = run.experiment["source"] | {"working_folder": str(tmp_path / "copy")}
    run.write_json("experiment.json", run.experiment | {"source": source})
    cnnkit.runs.checksums.write(run.folder, ["experiment.json", "experiment.py", "dataset.json"])
    return run


def add_a_class():
    shutil.copytree("photos/x", "photos/bird")
    for number, path in enumerate(sorted(Path("photos/bird").iterdir())):
        Image.fromarray(np.full((6, 6), number, np.uint8)).save(path)


@pytest.mark.parametrize("allow_changes", [True, False])
@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({}, (RunFolderError, SettingError)),  # on photos of one class more
        ({"optimizer": "adam"}, (RunFolderError, SettingError)),
        ({"units": 4}, (RunFolderError, SettingError)),
        ({"broken": True}, (TrainingError, SettingError)),
        ({"refuses": True}, SettingError),
    ],
)
def test_a_refused_resume_changes_nothing(run, settings, error, allow_changes):
    if not settings:
        add_a_class()
    before = hashes(run.folder)
    with pytest.raises(error):
        cnnkit.resume(small, run, allow_changes=allow_changes, **settings)
    assert hashes(run.folder) == before


def test_after_a_refused_resume_the_exact_one_goes_on(run):
    add_a_class()
    with pytest.raises(RunFolderError, match="the network or the optimizer is another one"):
        cnnkit.resume(small, run, allow_changes=True)
    shutil.rmtree("photos/bird")
    cnnkit.resume(small, run)
    assert run.status["state"] == "finished"
    assert run.status["resumed"][0]["changes"] == []
    assert cnnkit.runs.verify(run) == {}


def test_damaged_checkpoints_stay_as_they_are(run):
    for name in checkpoints.names(run.folder / "checkpoints"):
        with open(run.folder / "checkpoints" / name / "state.json", "a") as file:
            file.write(" ")
    before = hashes(run.folder)
    with pytest.raises(RunFolderError, match="No checkpoint is whole"):
        cnnkit.resume(small, run)
    assert hashes(run.folder) == before


@pytest.mark.parametrize(
    "command",
    [
        ["mistakes", "it", "--output", "nowhere/x.png"],
        ["features", "--run", "it", "--output", "x.txt"],
        ["explain", "walkthrough", "it", "test:999"],
        ["resume", "it", "--checkpoint-steps", "0"],
    ],
)
def test_commands_that_only_read_change_nothing(run, command):
    before = hashes(run.folder)
    done = CliRunner().invoke(main, command)
    assert done.exit_code != 0
    assert hashes(run.folder) == before


def test_a_refused_fit_changes_nothing(tmp_path):
    def compiled(units):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)], name="linear")
        model.compile("sgd", "mse")
        return model

    x = np.ones((8, 4), "float32")
    run = cnnkit.fit(compiled(1), x, np.ones((8, 1)), verbose=0, runs_dir=tmp_path)
    before = hashes(run.folder)
    with pytest.raises(RunFolderError, match="is another one"):
        cnnkit.fit(
            compiled(2), x, np.ones((8, 2)), epochs=2, verbose=0, resume=run, allow_changes=True
        )
    assert hashes(run.folder) == before
