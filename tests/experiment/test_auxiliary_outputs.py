"""Networks with auxiliary classifiers in runs, such as GoogLeNet's."""

import csv

import keras
import numpy as np
import pytest

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.errors import SettingError

STANDING_STILL = 1e-20  # a learning rate at which losses are those of the first weights


class Fail(keras.callbacks.Callback):
    """Raises an error once, at a step of an epoch."""

    at = None

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == Fail.at:
            Fail.at = None
            raise RuntimeError("the power failed")


def shapes(size=12):
    return data.xo(train=50, validation=20, test=20, image_size=size)


def three_outputs(classes=2, auxiliary_classes=2):
    image = keras.Input((12, 12, 1))
    maps = keras.layers.Conv2D(4, 3, activation="relu")(image)
    first = keras.layers.Dense(auxiliary_classes, name="auxiliary_1")(keras.layers.Flatten()(maps))
    maps = keras.layers.Conv2D(4, 3, kernel_regularizer="l2", name="regularized")(maps)
    second = keras.layers.Dense(auxiliary_classes, name="auxiliary_2")(keras.layers.Flatten()(maps))
    maps = keras.layers.MaxPooling2D(2)(maps)
    main = keras.layers.Dense(classes, name="logits")(keras.layers.Flatten()(maps))
    return keras.Model(image, [main, first, second], name="three")


def small(epochs: int = 1, learning_rate: float = STANDING_STILL):
    """A network with two auxiliary outputs."""
    return Experiment(
        data=shapes(),
        model=three_outputs(),
        optimizer=keras.optimizers.Adam(learning_rate),
        epochs=epochs,
        batch_size=16,
        callbacks=(Fail(),),
    )


def cross_entropy(logits, labels):
    logits = logits.astype(float)
    total = np.log(np.exp(logits).sum(axis=1))
    return (total - logits[np.arange(len(labels)), labels]).mean()


def penalty(network):
    """The L2 regularization of the one kernel that has it."""
    return 0.01 * float((np.asarray(network.get_layer("regularized").kernel) ** 2).sum())


def rows(run):
    with open(run.folder / "metrics.csv") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_the_loss_is_the_weighted_sum_and_metrics_are_of_the_main_output(tmp_path):
    run = cnnkit.run(small, runs_dir=tmp_path, seed=3)
    keras.utils.set_random_seed(3)
    made = small()
    network, split = made.model.network, made.data.train
    main, first, second = (
        np.asarray(each) for each in network(split.inputs.astype("float32") * made.data.scale)
    )
    labels = split.labels
    expected = (
        cross_entropy(main, labels)
        + 0.3 * cross_entropy(first, labels)
        + 0.3 * cross_entropy(second, labels)
        + penalty(network)
    )
    [row] = rows(run)
    assert row["loss"] == pytest.approx(expected, rel=1e-4)
    assert row["accuracy"] == pytest.approx((main.argmax(axis=1) == labels).mean(), abs=1e-6)
    assert run.experiment["loss_weights"] == [1, 0.3, 0.3]


@pytest.mark.once
def test_validation_and_the_saved_model_are_of_the_main_output(tmp_path):
    run = cnnkit.run(small, runs_dir=tmp_path, seed=3, epochs=2, learning_rate=0.01)
    saved = run.model
    assert saved.output_shape == (None, 2)
    assert "auxiliary_1" not in str(saved.get_config())
    split = shapes().validation
    probabilities = saved.predict(split.inputs, verbose=0)
    best = max(rows(run), key=lambda row: (row["val_accuracy"], -row["val_loss"]))
    loss = -np.log(probabilities[np.arange(len(split.labels)), split.labels]).mean()
    assert best["val_loss"] == pytest.approx(loss + penalty(saved.get_layer("three")), rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("at", [(1, 2), (0, 1)])
def test_a_resumed_run_ends_with_the_same_weights(tmp_path, at):
    settings = {"seed": 1, "epochs": 3, "learning_rate": 0.01}
    straight = cnnkit.run(small, runs_dir=tmp_path, name="straight", **settings)
    Fail.at = at
    with pytest.raises(RuntimeError, match="the power failed"):
        cnnkit.run(small, runs_dir=tmp_path, name="fallen", checkpoint_steps=1, **settings)
    fallen = cnnkit.Run(tmp_path / "small" / "fallen")
    cnnkit.resume(small, fallen)
    for one, other in zip(straight.model.get_weights(), fallen.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def googlenet(epochs: int = 1):
    """GoogLeNet with its auxiliary classifiers."""
    images = data.xo(train=8, validation=4, test=4, image_size=65)
    model = models.googlenet(images.image_shape, 2, auxiliary_heads=True, dropout=0.0)
    return Experiment(
        data=images, model=model, optimizer=keras.optimizers.SGD(0.01), epochs=epochs, batch_size=8
    )


@pytest.mark.slow
@pytest.mark.once
def test_googlenet_trains_with_its_auxiliary_heads(tmp_path):
    run = cnnkit.run(googlenet, runs_dir=tmp_path, precision=None)
    assert run.status["state"] == "finished"
    assert run.experiment["loss_weights"] == [1, 0.3, 0.3]  # section 5 of the paper
    assert run.model.output_shape == (None, 2)
    [row] = rows(run)
    # Three heads of two classes know nothing yet: each has a loss of about log 2.
    assert row["loss"] == pytest.approx(1.6 * np.log(2), rel=0.15)
    assert row["val_loss"] == pytest.approx(np.log(2), rel=0.15)


@pytest.mark.parametrize(
    ("model", "loss_weights", "words"),
    [
        (three_outputs, (1, 0.5), "the model has 3, and loss_weights are"),
        (three_outputs, (1, 0.5, -1), "at least 0, not"),
        (lambda: three_outputs(auxiliary_classes=3), None, r"\(None, 2\); .*\(None, 3\)"),
        (lambda: models.mlp((12, 12, 1), 2), (1.0,), "the model has 1, and"),
        (lambda: three_outputs(3, 3), None, "3 outputs, .* 'xo' has 2 classes"),
    ],
)
def test_weights_that_do_not_fit_are_refused(model, loss_weights, words):
    with pytest.raises(SettingError, match=words):
        Experiment(
            data=shapes(), model=model(), optimizer="sgd", epochs=1, loss_weights=loss_weights
        )
