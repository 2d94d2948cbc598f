"""Readers and writers of a run folder stay inside it, and wait for nobody."""

import os
import signal

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit.cli import main
from cnnkit.errors import CnnkitError, RunFolderError, SettingError
from cnnkit.experiment import built_in_experiment
from cnnkit.experiment.rebuild import call_record, recorded_function
from cnnkit.runs import Run, checksums, log_offsets
from cnnkit.runs.lock import locked
from cnnkit.tensorboard import film

pytestmark = pytest.mark.once


def somebodys():
    """An experiment; it is never called."""


@pytest.fixture
def run(tmp_path):
    """A run folder as it is when training begins, and an alarm for what waits for ever."""
    run = Run.create(tmp_path / "runs", "somebodys", "one")
    run.write_json("experiment.json", call_record(somebodys, {}) | {"seed": 0})
    (run.folder / "experiment.py").write_text("def somebodys():\n    pass\n")

    def ring(number, frame):
        raise AssertionError("it waited for a pipe")

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(10)
    yield run
    signal.alarm(0)


def test_a_pipe_in_place_of_the_sums_is_not_waited_for(run):
    (run.folder / "model.keras").write_bytes(b"model")
    os.mkfifo(run.folder / "SHA256SUMS")
    assert not checksums.has_changed(run.folder, "model.keras")  # nothing says that it has


def test_a_pipe_in_place_of_a_listed_file_is_said(run):
    (run.folder / "model.keras").write_bytes(b"model")
    checksums.write(run.folder, ["model.keras"])
    (run.folder / "model.keras").unlink()
    os.mkfifo(run.folder / "model.keras")
    with pytest.raises(OSError, match="not a regular file inside the run folder"):
        checksums.has_changed(run.folder, "model.keras")


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("hostile", ["pipe", "link"])
def test_source_that_is_no_file_of_the_folder_is_not_executed(run, tmp_path, trust, hostile):
    source = run.folder / "experiment.py"
    source.unlink()
    if hostile == "pipe":
        os.mkfifo(source)
    else:
        (tmp_path / "elsewhere.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')\n")
        source.symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(RunFolderError, match=r"experiment\.py cannot be read: not a regular file"):
        recorded_function(Run(run.folder, trust=trust))
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize("hostile", ["pipe", "link"])
def test_a_lock_that_is_no_file_of_the_folder_is_refused(run, tmp_path, hostile):
    checkpoints, outside = run.folder / "checkpoints", tmp_path / "outside"
    (checkpoints / ".lock").unlink()
    outside.mkdir()
    if hostile == "pipe":
        os.mkfifo(checkpoints / ".lock")
    else:
        checkpoints.rmdir()
        checkpoints.symlink_to(outside)
    words = r"cannot be worked in: .*\.lock is not a regular file inside the run folder"
    with pytest.raises(RunFolderError, match=words), locked(run.folder):
        pass
    assert os.listdir(outside) == []


def test_a_film_of_a_pipe_or_of_a_damaged_picture_is_refused(run):
    folder = run.folder / "tensorboard" / "explain"
    folder.mkdir()
    os.mkfifo(folder / "events.out.1")
    with pytest.raises(SettingError, match="not a regular file inside the run folder"):
        film.read_pictures(folder)


def test_only_logs_of_the_run_and_of_its_callbacks_are_cut(run, tmp_path):
    event, other, own, foreign = (
        run.folder / "tensorboard" / "events.1", run.folder / "tensorboard" / "events.2",
        tmp_path / "own.csv", tmp_path / "foreign.csv",
    )  # fmt: skip
    for path in (event, other, own, foreign):
        path.write_bytes(b"0123456789")
    linked = run.folder / "linked.csv"
    linked.symlink_to(foreign)
    known = {"tensorboard/events.1": 4, str(own): 3, str(foreign): 0, "linked.csv": 0}
    known |= {"../../../foreign.csv": 0}
    log_offsets.cut(run.folder, known, [own])
    assert event.read_bytes() == b"0123"
    assert not other.exists()
    assert own.read_bytes() == b"012"
    assert foreign.read_bytes() == b"0123456789"


def test_events_behind_a_link_are_not_deleted(run, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "events.1").write_bytes(b"somebody's")
    (run.folder / "tensorboard").rmdir()
    (run.folder / "tensorboard").symlink_to(tmp_path / "logs")
    log_offsets.cut(run.folder, {})
    assert (tmp_path / "logs" / "events.1").read_bytes() == b"somebody's"


def test_a_csv_log_goes_on_where_the_checkpoint_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Fall(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 3 and not (tmp_path / "fallen").exists():
                (tmp_path / "fallen").touch()
                raise RuntimeError("the roof fell in")

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")

    def fit(logger, **options):
        callbacks = [logger, Fall()]
        options |= {"epochs": 3, "batch_size": 2, "verbose": 0}
        return cnnkit.fit(model, x, y, callbacks=callbacks, **options)

    logger = keras.callbacks.CSVLogger("log.csv")
    with pytest.raises(RuntimeError):
        fit(logger, name="it")
    logger.csv_file.close()
    with (tmp_path / "log.csv").open("a") as log:
        log.write("1,0.5\n")  # as an epoch writes it that no checkpoint has
    fit(keras.callbacks.CSVLogger("log.csv"), resume=next(tmp_path.glob("runs/*/it")))
    epochs = [line.split(",")[0] for line in (tmp_path / "log.csv").read_text().splitlines()]
    assert epochs == ["epoch", "0", "1", "2"]


def test_a_run_that_was_killed_before_it_was_written_says_what_to_do(tmp_path):
    run = Run.create(tmp_path / "runs", "digits-lenet5", "one")
    run.write_status("running")
    said = CliRunner().invoke(main, ["resume", str(run.folder)])
    assert said.exit_code == 2
    assert "ended before anything was trained: start the run again" in " ".join(said.output.split())
    with pytest.raises(CnnkitError, match="start the run again"):
        cnnkit.resume(built_in_experiment, run)
