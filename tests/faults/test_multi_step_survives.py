"""Runs of several steps an execution that are stopped within one, or whose numbers go bad there."""

import os
import signal
from dataclasses import replace

import keras
import numpy as np
import pytest
import small
from small import STEPS, differing

import cnnkit
from cnnkit.errors import TrainingError
from cnnkit.random_streams import Purpose, random_generator
from cnnkit.runs import checkpoints
from cnnkit.training.callbacks.record import StopOnNonFinite
from cnnkit.training.checkpointing.signals import Interrupted


def quiet(epochs: int = small.EPOCHS):
    """The small network without callbacks that hear of steps."""
    found = small.small(epochs)
    return replace(found, callbacks=found.callbacks[2:])


def at_step(monkeypatch, when, action):
    """Do something as callbacks hear of a step, counted over all epochs; none of the run's own is there."""
    heard, done = StopOnNonFinite.on_train_batch_end, []

    def hear(self, batch, logs=None):
        heard(self, batch, logs)
        done.append(batch)
        if len(done) == when:
            action()

    monkeypatch.setattr(StopOnNonFinite, "on_train_batch_end", hear)


def fail():
    raise RuntimeError("the power failed")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never stopped, in executions as long as they get."""
    return cnnkit.run(quiet, runs_dir=tmp_path_factory.mktemp("whole"), name="whole")


@pytest.mark.slow
def test_resumed_in_mid_epoch_it_ends_with_the_bits_of_longer_executions(
    whole, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power"):
        at_step(patch, 2 * STEPS + 5, fail)
        cnnkit.run(quiet, runs_dir=tmp_path, name="it", checkpoint_steps=4)
    run = cnnkit.runs.resolve("it", tmp_path)
    cnnkit.resume(quiet, run)
    assert run.status["resumed"] == [{"epoch": 2, "step": 4, "changes": []}]
    assert differing(whole.folder, run.folder) == []


@pytest.mark.once
def test_a_signal_is_answered_at_the_end_of_the_execution(whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        # After executions of one, one, two and two steps, the last two of the second epoch's four.
        at_step(patch, STEPS + 3, lambda: os.kill(os.getpid(), signal.SIGTERM))
        cnnkit.run(quiet, runs_dir=tmp_path, name="it")
    run = cnnkit.runs.resolve("it", tmp_path)
    last, _ = checkpoints.latest(run.folder / "checkpoints")
    assert last.epoch == 1
    assert 3 <= last.step < STEPS
    cnnkit.resume(quiet, run)
    assert differing(whole.folder, run.folder) == []


@keras.saving.register_keras_serializable("tests")
class InfiniteAt(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is infinite in one step."""

    def __init__(self, step):
        self.step = step

    def __call__(self, step):
        return keras.ops.where(keras.ops.equal(step, self.step), np.inf, 1e-3)

    def get_config(self):
        return {"step": self.step}


def test_the_step_whose_loss_goes_bad_is_named_within_an_execution(tmp_path):
    def bad(epochs: int = 3):
        """Its weights are infinite after the fourth step of the second epoch."""
        optimizer = keras.optimizers.SGD(InfiniteAt(STEPS + 3))
        return replace(small.small(epochs), optimizer=optimizer, callbacks=())

    with pytest.raises(TrainingError) as told:
        cnnkit.run(bad, runs_dir=tmp_path, name="it")
    message = str(told.value)
    assert "The loss became" in message
    assert "epoch 2, step 5" in message
    shapes = small.small().data
    order = random_generator(0, Purpose.SHUFFLE, 1).permutation(len(shapes.train))
    assert f"The step's samples: sample {order[32]}, sample {order[33]}, " in message
    run = cnnkit.runs.resolve("it", tmp_path)
    last, _ = checkpoints.latest(run.folder / "checkpoints")
    assert (last.epoch, last.step) == (1, 0)
    assert all(np.isfinite(weights).all() for weights in run.model.get_weights())
