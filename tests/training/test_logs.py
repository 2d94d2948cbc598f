"""What metrics.csv and TensorBoard hold of the logs that Keras and its callbacks make."""

import csv

import keras
import numpy as np
import pytest
from sklearn.metrics import f1_score
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util import tensor_util

import cnnkit
from cnnkit import Experiment, data, models

EPOCHS, STEPS = 4, 3
RATES = [0.1, 0.05, 0.05, 0.025]


def few(seed: int = 0):
    """48 digits to train on, 30 to validate and test on."""
    digits = data.digits(image_size=8)
    splits = {
        name: data.Split(split.inputs[:size], split.labels[:size])
        for (name, split), size in zip(digits.splits.items(), (48, 30, 30), strict=True)
    }
    return data.Dataset(name="few", class_names=digits.class_names, **splits)


class AddsKeys(keras.callbacks.Callback):
    """Adds keys to the logs from the second epoch on, now and then, and one that the run has."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch >= 1:
            logs["later"] = epoch * 10
        if epoch % 2:
            logs["val_odd, with a comma"] = np.float32(0.5)
        logs["epoch"] = 99


def logged(plan: str = "callbacks"):
    """The learning rate changes at the ends of epochs, by callbacks or by a schedule."""
    digits = few()
    boundaries = [STEPS, 3 * STEPS]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [step - 1 for step in boundaries], [0.1, 0.05, 0.025]
    )
    plateaus = [
        keras.callbacks.ReduceLROnPlateau("epoch_number", mode="min", factor=0.5, patience=wait)
        for wait in (1, 2)
    ]
    count = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(epoch_number=min(epoch, 1))
    )
    return Experiment(
        data=digits,
        model=models.mlp((8, 8, 1), 10, hidden_units=()),
        optimizer=keras.optimizers.SGD(0.1 if plan == "callbacks" else schedule),
        epochs=EPOCHS,
        batch_size=16,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=("accuracy", keras.metrics.F1Score(average=None)),
        callbacks=(AddsKeys(), *((count, *plateaus) if plan == "callbacks" else ())),
        restore_best_weights=False,
    )


@pytest.fixture(scope="module", params=["callbacks", "schedule"])
def run(request, tmp_path_factory):
    return cnnkit.run(logged, plan=request.param, runs_dir=tmp_path_factory.mktemp("runs"))


def points(run, folder, tag):
    """The points of a curve as TensorBoard's own reader finds them."""
    return [
        (event.step, float(tensor_util.make_ndarray(value.tensor)))
        for file in (run.folder / "tensorboard" / folder).glob("events.*")
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
        if value.tag == tag
    ]


@pytest.mark.once
def test_new_columns_are_taken_when_they_come(run):
    history = run.history
    assert history["epoch"] == [1, 2, 3, 4]
    np.testing.assert_array_equal(history["later"], [np.nan, 10, 20, 30])
    np.testing.assert_array_equal(history["val_odd, with a comma"], [np.nan, 0.5, np.nan, 0.5])
    with (run.folder / "metrics.csv").open(newline="") as file:
        lengths = {len(row) for row in csv.reader(file)}
    assert lengths == {len(history)}
    assert run.status["state"] == "finished"


def test_a_metric_of_each_class_has_a_column_a_class(run):
    validation = few().validation
    guesses = run.model.predict(validation.inputs, verbose=0).argmax(axis=1)
    expected = f1_score(validation.labels, guesses, average=None, labels=range(10), zero_division=0)
    names = [f"val_f1_score_{name}" for name in few().class_names]
    np.testing.assert_allclose([run.history[name][-1] for name in names], expected, atol=1e-6)
    drawn = points(run, "validation", f"epoch_f1_score_{few().class_names[3]}")
    assert drawn[-1] == (EPOCHS - 1, pytest.approx(expected[3], abs=1e-6))


def test_the_learning_rate_is_the_one_that_the_epoch_used_and_one_point_an_epoch(run):
    rates = {"callbacks": [0.1, 0.1, 0.05, 0.0125], "schedule": RATES}
    plan = run.experiment["settings"]["plan"]
    assert run.history["learning_rate"] == pytest.approx(rates[plan])
    drawn = points(run, "train", "epoch_learning_rate")
    assert drawn == [(epoch, pytest.approx(rate)) for epoch, rate in enumerate(rates[plan])]
