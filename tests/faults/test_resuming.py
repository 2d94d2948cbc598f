"""A run that is stopped and resumed ends as one that never was."""

import json
import os

import keras
import numpy as np
import pytest
import small
from small import EPOCHS, STEPS, differing

import cnnkit
from cnnkit.errors import RunFolderError, SettingError
from cnnkit.runs import checkpoints
from cnnkit.runs.lock import locked


def stopped(runs_dir, name, at, every=1, **settings):
    """The run of a process that fails at a step, which its last checkpoint is at most `every` before."""
    small.Stop.at = at
    with pytest.raises(RuntimeError, match="the power failed"):
        cnnkit.run(small.small, runs_dir=runs_dir, name=name, checkpoint_steps=every, **settings)
    return cnnkit.runs.resolve(name, runs_dir)


def test_resume_refuses_changes_and_else_ends_with_the_same_bits(whole, tmp_path):
    run = stopped(tmp_path, "stopped", STEPS + 4)
    with pytest.raises(SettingError, match=r"has changed; --allow-changes") as refused:
        cnnkit.resume(small.small, run, epochs=EPOCHS + 1)
    assert "settings.epochs  3     4" in str(refused.value)
    environment, dataset = run.environment, run.dataset
    other = {"cores": 999, "threads": {"OMP_NUM_THREADS": "7"}}
    run.write_json("environment.json", environment | other)
    run.write_json("dataset.json", dataset | {"content_hash": "0" * 64})
    with pytest.raises(SettingError, match=r"(?s)the data's content +0.*cores +999 .*OMP"):
        cnnkit.resume(small.small, run)
    run.write_json("environment.json", environment)
    run.write_json("dataset.json", dataset)

    cnnkit.resume(small.small, run)
    assert differing(whole.folder, run.folder) == []
    assert run.status["resumed"] == [{"epoch": 1, "step": 3, "changes": []}]
    last, _ = checkpoints.latest(run.folder / "checkpoints")
    assert (last.epoch, last.step) == (EPOCHS, 0)
    # No step was done twice or left out, and none without data after the last of an epoch.
    (done,) = (value for name, value in last.arrays.items() if name.endswith("/iteration"))
    assert done == EPOCHS * STEPS


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, EPOCHS * STEPS + 1))
def test_resume_after_every_step_ends_with_the_same_bits(whole, tmp_path, at):
    rng = np.random.default_rng(at)
    run = stopped(tmp_path, f"every-{at}", at, int(rng.integers(1, 5)))
    while run.status["state"] != "finished":
        small.Stop.at = int(rng.integers(at, EPOCHS * STEPS + 9))
        try:
            cnnkit.resume(small.small, run, checkpoint_steps=int(rng.integers(1, 5)))
        except RuntimeError:
            at += 1
    small.Stop.at = None
    assert differing(whole.folder, run.folder) == []


@pytest.mark.slow
@pytest.mark.filterwarnings(  # Keras' CSVLogger leaves its file open where fit fails
    "ignore:Exception ignored in. <_io.FileIO:pytest.PytestUnraisableExceptionWarning"
)
def test_early_stopping_stops_a_resumed_run_where_it_would_have_stopped(tmp_path):
    def early(epochs: int = 30):
        """Stops long before its last epoch."""
        from dataclasses import replace

        found = small.small(epochs, mixes=False, folder=str(tmp_path))
        own = [each for each in found.callbacks if not hasattr(each, "restore_best_weights")]
        stop = keras.callbacks.EarlyStopping("val_accuracy", patience=2, min_delta=0.5)
        return replace(found, callbacks=(*own, stop))

    whole = cnnkit.run(early, runs_dir=tmp_path, name="whole")
    rows = (tmp_path / "own.csv").read_text()
    epochs = len(whole.history["epoch"])
    assert 2 < epochs < 30
    small.Stop.at = (epochs - 1) * STEPS + 2
    with pytest.raises(RuntimeError):
        cnnkit.run(early, runs_dir=tmp_path, name="stopped", checkpoint_steps=1)
    run = cnnkit.resume(early, cnnkit.runs.resolve("stopped", tmp_path))
    assert differing(whole.folder, run.folder) == []
    assert (tmp_path / "own.csv").read_text() == rows
    # It had ended: to go on, even with changes allowed, trains no more.
    again = cnnkit.resume(early, run, allow_changes=True)
    assert differing(whole.folder, again.folder) == []


def test_a_finished_run_is_not_resumed(whole):
    with pytest.raises(RunFolderError, match="is finished; there is nothing to resume"):
        cnnkit.resume(small.small, whole)


def test_a_second_process_is_refused_with_the_firsts_pid(whole):
    with (
        locked(whole.folder),
        pytest.raises(RunFolderError, match=f"Another process works in .*: pid {os.getpid()} on"),
    ):
        cnnkit.resume(small.small, whole)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(whole, tmp_path):
    run = stopped(tmp_path, "damaged", STEPS + 4)
    *_, before, last = checkpoints.names(run.folder / "checkpoints")
    path = run.folder / "checkpoints" / last / "arrays.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=f"{last} is damaged: arrays.safetensors has changed"):
        cnnkit.resume(small.small, run)
    assert run.status["resumed"][0]["step"] == int(before[-8:])
    assert differing(whole.folder, run.folder) == []


@pytest.mark.slow
def test_a_run_stopped_before_its_first_checkpoint_begins_anew(whole, tmp_path):
    run = stopped(tmp_path, "early", 2, every=100)
    assert checkpoints.names(run.folder / "checkpoints") == []
    cnnkit.resume(small.small, run)
    assert differing(whole.folder, run.folder) == []


def test_verify_names_the_file_that_changed(whole):
    assert cnnkit.runs.verify(whole) == {}
    path = whole.folder / "metrics.csv"
    kept = path.read_text()
    path.write_text(kept.replace("1", "2", 1))
    assert cnnkit.runs.verify(whole) == {"metrics.csv": "has changed since it was written"}
    path.write_text(kept)
    assert json.loads((whole.folder / "status.json").read_text())["state"] == "finished"
