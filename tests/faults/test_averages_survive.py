"""Runs whose weights are averaged, stopped where the averages are in the network and where not."""

import os
import signal
from dataclasses import replace
from functools import partial

import keras
import pytest
import small
from small import STEPS, differing
from test_multi_step_survives import at_step, fail

import cnnkit
from cnnkit.callbacks.weight_averaging import StochasticWeightAveraging
from cnnkit.runs import checkpoints
from cnnkit.training.checkpointing.signals import Interrupted


class StopInValidation(keras.callbacks.Callback):
    """Asks the process to stop, once, in the validation that a class attribute counts down to."""

    after = None

    def on_test_batch_end(self, batch, logs=None):
        if batch == 0 and StopInValidation.after is not None:
            StopInValidation.after -= 1
            if StopInValidation.after == 0:
                StopInValidation.after = None
                os.kill(os.getpid(), signal.SIGTERM)


def moving(epochs: int = small.EPOCHS):
    """Moving averages, which stay in the network from one epoch's end to the next one's begin."""
    found = small.small(epochs, mixes=False)
    swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    return replace(found, callbacks=(swap, StopInValidation()))


def equal(epochs: int = small.EPOCHS):
    """Equal averages, with statistics of their own."""
    found = small.small(epochs, mixes=False)
    averaging = StochasticWeightAveraging(found.data, start_epoch=2, batch_size=8)
    optimizer = keras.optimizers.Adam(1e-2)
    return replace(found, callbacks=(averaging, StopInValidation()), optimizer=optimizer)


def stopped_in_validation(run_or_resume):
    """In the second epoch's, when the averages are in the network."""
    StopInValidation.after = 2
    with pytest.raises(Interrupted):
        run_or_resume()


def stopped_in_mid_epoch(run_or_resume, monkeypatch):
    """In the last epoch, when they are not."""
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="power"):
        at_step(patch, 2 * STEPS + 3, fail)
        run_or_resume(checkpoint_steps=2)


def place(folder):
    last, _ = checkpoints.latest(folder / "checkpoints")
    return last.epoch, last.step


@pytest.mark.slow
@pytest.mark.parametrize("experiment", [equal, moving])
def test_averages_go_on_in_mid_epoch(tmp_path, monkeypatch, experiment):
    whole = cnnkit.run(experiment, runs_dir=tmp_path, name="whole")
    begin = partial(cnnkit.run, experiment, runs_dir=tmp_path, name="it")
    stopped_in_mid_epoch(begin, monkeypatch)
    run = cnnkit.runs.resolve("it", tmp_path)
    assert place(run.folder) == (2, 2)
    cnnkit.resume(experiment, run)
    assert differing(whole.folder, run.folder) == []


@pytest.mark.once
@pytest.mark.parametrize("experiment", [equal, pytest.param(moving, marks=pytest.mark.slow)])
def test_averages_go_on_in_validation(tmp_path, experiment):
    whole = cnnkit.run(experiment, runs_dir=tmp_path, name="whole")
    stopped_in_validation(partial(cnnkit.run, experiment, runs_dir=tmp_path, name="it"))
    run = cnnkit.runs.resolve("it", tmp_path)
    assert place(run.folder) == (1, STEPS)
    cnnkit.resume(experiment, run)
    assert differing(whole.folder, run.folder) == []
