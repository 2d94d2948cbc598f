"""Signals that come while a run trains or validates."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import pytest
import small
from small import differing

import cnnkit
from cnnkit.runs import checkpoints
from cnnkit.training.checkpointing.signals import Interrupted

HERE = Path(__file__).parent
TRAIN = "import sys; from small import trained; trained('run', sys.argv[1], 'it', signals=(1,))"


@pytest.mark.once
def test_under_nohup_a_run_outlives_its_terminal(tmp_path):
    """The run sends itself SIGHUP in its second epoch, which nohup has ignored."""
    environment = os.environ | {"PYTHONPATH": f"{HERE}:{HERE.parents[1]}"}
    ended = subprocess.run(
        ["nohup", sys.executable, "-c", TRAIN, str(tmp_path)],
        env=environment, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    status = cnnkit.runs.resolve("it", tmp_path).status
    assert (ended.returncode, status["state"]) == (0, "finished")


class InterruptValidation(keras.callbacks.Callback):
    """Sends Ctrl-C in the validation that follows the first epoch, as often as it is armed."""

    armed = 0

    def on_test_batch_end(self, batch, logs=None):
        if InterruptValidation.armed:
            InterruptValidation.armed = 0
            signal.raise_signal(signal.SIGINT)


def interrupted(epochs: int = small.EPOCHS):
    """The small experiment, which Ctrl-C may stop while it validates."""
    made = small.small(epochs)
    object.__setattr__(made, "callbacks", (*made.callbacks, InterruptValidation()))
    return made


@pytest.mark.slow
def test_ctrl_c_twice_in_one_validation_is_no_full_disk(tmp_path, recwarn):
    whole = cnnkit.run(interrupted, runs_dir=tmp_path, name="whole")
    InterruptValidation.armed = 1
    with pytest.raises(Interrupted):
        cnnkit.run(interrupted, runs_dir=tmp_path, name="it")
    run = cnnkit.runs.resolve("it", tmp_path)
    for _ in range(2):
        InterruptValidation.armed = 1
        with pytest.raises(Interrupted):
            cnnkit.resume(interrupted, run)
        last, wrong = checkpoints.latest(run.folder / "checkpoints")
        assert (last.epoch, last.step, wrong) == (0, small.STEPS, [])
    cnnkit.resume(interrupted, run)
    assert differing(whole.folder, run.folder) == []
    assert not [warning for warning in recwarn if "cannot be written" in str(warning.message)]
