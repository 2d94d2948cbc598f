"""Training in phases: what each changes, and that a run stopped in any of them ends as one that was not."""

import csv
import json

import keras
import numpy as np
import pytest
from small import differing, scalars

import cnnkit
from cnnkit import Experiment, data, models, transfer

STEPS = 3


class Fall(keras.callbacks.Callback):
    """Raises an error once, after so many steps of all phases."""

    done, at = 0, None

    def on_train_batch_end(self, batch, logs=None):
        Fall.done += 1
        if Fall.done == Fall.at:
            Fall.at = None
            raise RuntimeError("the power failed")


class Watch(keras.callbacks.Callback):
    """Copies what weights the whole model has when training begins and when an epoch ends."""

    def __init__(self, model):
        super().__init__()
        self.whole, self.found = model, []

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def on_train_begin(self, logs=None):
        if not self.found:
            self.on_epoch_end(0)

    def on_epoch_end(self, epoch, logs=None):
        weights = {each.path: np.array(each) for each in self.whole.variables}
        self.found.append({path: w for path, w in weights.items() if "seed" not in path})


def phased(patience: int = 9, epochs: int = 2):
    """The head, then the last block and the head, then all of a small network."""
    shapes = data.xo(train=8 * STEPS - 3, validation=16, test=16, image_size=12)
    network = models.convnet(
        shapes.image_shape, 2, widths=(4, 4), depths=(1, 1), hidden_units=(8,), dropout=0.3,
        batch_normalization=True,
    )  # fmt: skip
    for block in transfer.blocks(network):
        for layer in block:
            layer.trainable = False
    adam = keras.optimizers.Adam(1e-2)
    phased.watch = Watch(network)
    return Experiment(
        data=shapes,
        model=network,
        optimizer=keras.optimizers.SGD(0.5),
        epochs=epochs,
        batch_size=8,
        callbacks=(
            Fall(),
            keras.callbacks.EarlyStopping("val_loss", patience=patience, min_delta=9.0),
            phased.watch,
        ),
        phases=(
            transfer.FineTuning(epochs=epochs, blocks=1, layer_decay=0.5, optimizer=adam),
            transfer.FineTuning(epochs=epochs, optimizer=keras.optimizers.SGD(0.5)),
        ),
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run in phases that was never stopped."""
    return cnnkit.run(phased, runs_dir=tmp_path_factory.mktemp("whole"))


@pytest.mark.once
def test_each_phase_changes_what_it_trains_and_nothing_else(tmp_path, capsys):
    run = cnnkit.run(phased, runs_dir=tmp_path)
    seen = phased.watch.found
    assert len(seen) == 1 + 6

    def changed(one, other):
        return {p.split("/", 1)[0] for p in seen[0] if not np.array_equal(one[p], other[p])}

    # A phase begins with the best weights so far, which are none of the last epoch's.
    assert changed(seen[0], seen[2]) == {"logits"}
    assert changed(seen[0], seen[4]) == {"logits", "hidden1"}
    # Neither moving statistics nor scale and shift of batch normalisation, in any phase.
    assert changed(seen[0], seen[6]) == {"logits", "hidden1", "conv2_1", "conv1_1"}

    told = json.loads((run.folder / "phases.json").read_text())["phases"]
    assert [each["trained_layers"] for each in told] == [
        ["logits"], ["hidden1", "logits"], ["conv1_1", "conv2_1", "hidden1", "logits"],
    ]  # fmt: skip
    assert told[0]["trained_parameters"] == 8 * 2 + 2
    said = capsys.readouterr().out
    assert "Phase 2 of 3, fine-tuning of the last block, layer decay 0.5: " in said
    with open(run.folder / "metrics.csv", newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == list("123456")
    points = scalars(run.folder)["train", "epoch_learning_rate"]
    assert [step for step, _ in points] == list(range(6))
    steps = [step for step, _ in scalars(run.folder)["train", "batch_loss"]]
    assert steps == list(range(6 * STEPS))


@pytest.mark.slow
def test_a_run_stopped_in_its_second_phase_ends_with_the_same_bits(whole, tmp_path):
    assert_resumes(whole, tmp_path, 3 * STEPS + 1)


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, 6 * STEPS + 1))
def test_a_run_in_phases_stopped_after_any_step_ends_with_the_same_bits(whole, tmp_path, at):
    assert_resumes(whole, tmp_path, at)


@pytest.mark.slow
@pytest.mark.parametrize("at", [STEPS, 2 * STEPS, 3 * STEPS + 1])
def test_early_stopping_ends_a_phase_and_the_next_one_goes_on_from_there(tmp_path, at):
    settings = {"patience": 1, "epochs": 5}
    whole = cnnkit.run(phased, runs_dir=tmp_path, name="whole", **settings)
    # The first epoch is the best one, so that each phase stops after its second.
    assert whole.history["epoch"] == list(range(1, 7))
    assert_resumes(whole, tmp_path, at, **settings)


def assert_resumes(whole, folder, at, **settings):
    Fall.done, Fall.at = 0, at
    with pytest.raises(RuntimeError, match="the power failed"):
        cnnkit.run(phased, runs_dir=folder, name="it", checkpoint_steps=1, **settings)
    run = cnnkit.resume(phased, cnnkit.runs.resolve("it", folder))
    assert differing(whole.folder, run.folder) == []
    assert run.read_json("phases.json") == whole.read_json("phases.json")
