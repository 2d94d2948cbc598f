"""A run says which epoch, of which phase, the weights in its model.keras are of."""

import re

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit import data, models
from cnnkit.cli import main
from cnnkit.experiment import AtImageSize
from cnnkit.runs import Run

pytestmark = pytest.mark.once


class Forget(keras.callbacks.Callback):
    """Zeroes all weights when the third epoch begins, and stops the learning."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            self.model.set_weights([0 * each for each in self.model.get_weights()])
            self.model.optimizer.learning_rate = 0.0


class Fail(keras.callbacks.Callback):
    """Raises an error when the third epoch begins."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise RuntimeError("the power failed")


def forgetful(best: bool = True, phases: bool = False, fails: bool = False):
    """A network whose last epoch is its worst."""
    shapes = data.xo(train=64, validation=40, test=20, image_size=12)
    last = AtImageSize(epochs=1, optimizer=keras.optimizers.SGD(0.05))
    return cnnkit.Experiment(
        data=shapes,
        model=models.mlp((12, 12, 1), 2, hidden_units=(16,)),
        optimizer=keras.optimizers.Adam(1e-2),
        epochs=2 if phases else 3,
        callbacks=(Fail() if fails else Forget(),),
        phases=(last,) if phases else (),
        restore_best_weights=best,
    )


def shown(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("phases", [False, True])
def test_the_last_weights_are_not_taken_for_the_best(tmp_path, phases):
    run = cnnkit.run(forgetful, best=False, phases=phases, runs_dir=tmp_path, name="one")
    accuracies = run.history["val_accuracy"]
    assert accuracies[2] < max(accuracies)
    assert all(not weights.any() for weights in run.model.get_weights())
    assert (run.saved_weights.epoch, run.saved_weights.is_best) == (3, False)
    assert run.saved_weights.metrics["val_accuracy"] == accuracies[2]
    assert re.search(r"saved weights +epoch 3, the last", shown("show", run.folder))
    listed = shown("runs", "--runs-dir", tmp_path)
    assert f"{accuracies[2]:.2%}" in listed
    assert f"{max(accuracies):.2%}" not in listed
    assert "epoch 3, the last" in (run.folder / "report.html").read_text()
    if phases:
        assert run.saved_weights.phase == "at the images' own size"


def test_the_best_weights_may_be_of_an_earlier_phase(tmp_path):
    run = cnnkit.run(forgetful, phases=True, runs_dir=tmp_path, name="one")
    best = int(np.argmax(run.history["val_accuracy"])) + 1
    assert best < 3
    assert run.saved_weights.epoch == best
    words = rf"epoch {best}, the best, of phase 1 \(as the model is given\)"
    assert re.search(rf"saved weights +{words}", shown("show", run.folder))


def test_a_run_that_broke_down_says_what_it_saved(tmp_path):
    with pytest.raises(RuntimeError, match="power"):
        cnnkit.run(forgetful, fails=True, runs_dir=tmp_path, name="one")
    run = Run(tmp_path / "forgetful" / "one")
    best = int(np.argmax(run.history["val_accuracy"])) + 1
    assert run.saved_weights.epoch == best
    assert re.search(rf"saved weights +epoch {best}, the best", shown("show", run.folder))


def test_a_run_that_saved_nothing_says_nothing(tmp_path):
    run = Run.create(tmp_path, "nothing")
    run.write_status("running", epoch=0)
    assert run.saved_weights is None
