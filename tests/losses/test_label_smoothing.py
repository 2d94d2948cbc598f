"""Smoothed labels, of data that have class indices."""

import keras
import numpy as np
import pytest

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.losses import expects_one_hot

SMOOTHING = 0.2


def smoothed():
    """Softmax regression that all but stands still, so that its losses are known."""
    digits = data.digits(image_size=8)
    return Experiment(
        data=digits,
        model=models.mlp((8, 8, 1), 10, hidden_units=()),
        optimizer=keras.optimizers.SGD(1e-20),
        epochs=1,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING),
    )


def test_loss_and_accuracy_are_those_of_the_class_indices(tmp_path):
    keras.utils.set_random_seed(0)
    known = smoothed()
    kernel, bias = known.model.get_weights()
    run = cnnkit.run(smoothed, runs_dir=tmp_path)
    for split, prefix in ((known.data.train, ""), (known.data.validation, "val_")):
        images = np.asarray(split.inputs[:], np.float64).reshape(len(split), -1) * known.data.scale
        logits = images @ kernel + bias
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        wanted = np.full(logs.shape, SMOOTHING / 10)
        wanted[np.arange(len(split)), split.labels] += 1 - SMOOTHING
        (loss,), (accuracy,) = (run.history[prefix + name] for name in ("loss", "accuracy"))
        assert loss == pytest.approx(-(wanted * logs).sum(axis=1).mean(), rel=1e-4)
        assert accuracy == pytest.approx((logits.argmax(axis=1) == split.labels).mean(), rel=1e-5)
    # What a network is worth is told without smoothing.
    probabilities = run.model.predict(known.data.test.inputs[:], verbose=0)
    chosen = probabilities[np.arange(len(probabilities)), known.data.test.labels]
    assert run.results["test"]["loss"] == pytest.approx(-np.log(chosen).mean(), rel=1e-4)


@pytest.mark.parametrize("name", [n for n in dir(keras.losses) if n.startswith("Categorical")])
def test_every_loss_of_keras_is_given_labels_in_the_shape_it_takes(name):
    loss, labels = getattr(keras.losses, name)(), np.array([0, 2, 1])
    given = np.eye(3)[labels] if expects_one_hot(loss) else labels
    right, wrong = (np.eye(3, dtype="float32")[places] for places in (labels, (labels + 1) % 3))
    assert float(loss(given, 0.02 + 0.94 * right)) < float(loss(given, 0.02 + 0.94 * wrong))
