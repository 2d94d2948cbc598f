"""A whole run while the disk fails, numbers go bad, or the process is killed."""

import math
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import small
from small import EPOCHS, STEPS, differing

import cnnkit
from cnnkit.errors import RunFolderError, TrainingError
from cnnkit.random_streams import Purpose, random_generator
from cnnkit.runs import checkpoints
from cnnkit.tensorboard import event_files

ROOT = Path(__file__).parents[2]
KILLS = 3  # a run
TURNS = [  # 9 kills where tests are run once, 3 on another backend, 201 with the slow ones
    pytest.param(turn, marks=(pytest.mark.once,) * (turn >= 1) + (pytest.mark.slow,) * (turn >= 3))
    for turn in range(67)
]


def failing(call, part):
    """os.`call`, but with no room for what has `part` in its name."""
    real = getattr(os, call)

    def fail(source, target, *arguments, **options):
        if part in str(target):
            raise OSError(28, "No space left on device", str(target))
        return real(source, target, *arguments, **options)

    return fail


@pytest.mark.once
def test_training_goes_on_without_room_and_the_run_fails_at_its_end(tmp_path, monkeypatch):
    def no_room(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", failing("rename", "epoch-"))
    monkeypatch.setattr(event_files.EventFileWriter, "add_event", no_room)
    with (
        pytest.warns(UserWarning, match="cannot be written") as told,
        pytest.raises(RunFolderError, match="No space left"),
    ):
        cnnkit.run(small.small, mixes=False, runs_dir=tmp_path, name="it", checkpoint_steps=1)
    words = [str(warning.message).split(" cannot")[0].split(str(tmp_path))[0] for warning in told]
    assert words.count("A checkpoint") == 1
    assert words.count("TensorBoard's log ") == 3  # a log a folder
    run = cnnkit.runs.resolve("it", tmp_path)
    assert run.history["epoch"] == list(range(1, EPOCHS + 1))
    assert run.results["test"]["samples"] == 16
    assert run.model.count_params() > 0
    assert run.status["state"] == "failed"


class Spoil(keras.callbacks.Callback):
    """Makes a weight infinite after a step that is counted over all epochs."""

    def __init__(self, at):
        super().__init__()
        self.at = at

    def on_train_batch_begin(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == self.at:
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()
            variable = self.model.layers[-1].bias
            variable.assign(variable + np.inf)


def test_weights_that_go_bad_end_the_run_and_leave_the_last_good_ones(tmp_path):
    def bad(epochs: int = 3):
        """Its weights are infinite in the second epoch."""
        from dataclasses import replace

        found = small.small(epochs, mixes=False)
        swap = keras.callbacks.SwapEMAWeights()
        return replace(found, callbacks=(Spoil(STEPS + 2), swap))

    with pytest.raises(TrainingError) as told:
        cnnkit.run(bad, runs_dir=tmp_path, name="it", checkpoint_steps=2)
    message = str(told.value)
    assert "The loss became" in message
    assert "epoch 2, step 3" in message
    assert "lower the learning rate" in message
    assert "logits/bias" in message or "logits/kernel" in message or "not finite" in message
    shapes = small.small().data
    order = random_generator(0, Purpose.SHUFFLE, 1).permutation(len(shapes.train))
    assert f"The step's samples: sample {order[16]}, sample {order[17]}, " in message
    run = cnnkit.runs.resolve("it", tmp_path)
    assert run.status["state"] == "failed"
    last, _ = checkpoints.latest(run.folder / "checkpoints")
    assert (last.epoch, last.step) == (1, 2)
    assert all(np.isfinite(weights).all() for weights in run.model.get_weights())


def test_a_label_that_no_class_has_is_named(tmp_path):
    def bad():
        """One label too high."""
        found = small.small(mixes=False)
        found.data.validation.labels[7] = 2
        return found

    with pytest.raises(TrainingError, match="label of sample 7 of the validation split is 2"):
        cnnkit.run(bad, runs_dir=tmp_path)


def killed(what, runs_dir, name, step):
    """Kill a run after a step, counted over all epochs; returns whether it got so far."""
    running, told = small.process(what, runs_dir, name)
    for done in small.steps_of(told):
        if done >= step:
            running.kill()
    running.join()
    assert running.exitcode in (0, -signal.SIGKILL)
    return running.exitcode != 0


@pytest.mark.parametrize("turn", TURNS)
def test_killed_again_and_again_a_run_ends_with_the_same_bits(whole, tmp_path, turn):
    first, *later = sorted(random.Random(turn).sample(range(1, EPOCHS * STEPS), KILLS))
    assert killed("run", tmp_path, "it", first)
    run = cnnkit.runs.resolve("it", tmp_path)
    assert run.status["state"] == "failed"
    assert "gone without notice" in run.status["reason"]
    for step in (*later, math.inf):  # one that comes after the last step ends the run
        if not killed("resume", tmp_path, "it", step):
            break
    assert differing(whole.folder, run.folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_costs_nothing_and_a_second_one_quits_at_once(whole, tmp_path, number):
    for signals in (1, 2):
        name = f"signals-{signals}"
        running, _ = small.process("run", tmp_path, name, *[int(number)] * signals)
        running.join()
        assert running.exitcode != 0
        run = cnnkit.runs.resolve(name, tmp_path)
        assert run.status["state"] == ("interrupted" if signals == 1 else "failed")
        cnnkit.resume(small.small, run)
        assert differing(whole.folder, run.folder) == []


@pytest.mark.slow
def test_a_process_that_may_write_no_large_file_ends_with_a_sentence(tmp_path):
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000));"
        f"import sys; sys.argv = ['small', 'run', {str(tmp_path)!r}, 'it'];"
        f"import runpy; runpy.run_path({small.__file__!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{Path(small.__file__).parent}"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "RunFolderError" in done.stderr
    assert "File too large" in done.stderr
