"""Averaged weights in runs, against averages of a network that NumPy trains."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import cnnkit
from cnnkit import Experiment, data, models, transfer
from cnnkit.callbacks.weight_averaging import StochasticWeightAveraging
from cnnkit.data.batches import Batches
from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator

EPOCHS, BATCH, RATE, MOMENTUM = 3, 8, 0.5, 0.8


def averaged(swap_on_epoch: bool = False):
    """Softmax regression whose weights are averaged over steps."""
    shapes = data.xo(train=44, validation=40, test=40, image_size=12, noise=0.3)
    return Experiment(
        data=shapes,
        model=models.mlp(shapes.image_shape, 2, hidden_units=()),
        optimizer=keras.optimizers.SGD(RATE, use_ema=True, ema_momentum=MOMENTUM),
        epochs=EPOCHS,
        batch_size=BATCH,
        callbacks=(keras.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch),),
    )


def probabilities(weights, images):
    kernel, bias = weights
    logits = images.reshape(len(images), -1) @ kernel + bias
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def steps_by_hand(split, weights):
    """Yield the weights of softmax regression after each step of SGD, by epoch."""
    kernel, bias = (np.array(each, np.float64) for each in weights)
    for epoch in range(EPOCHS):
        order, found = random_generator(0, Purpose.SHUFFLE, epoch).permutation(len(split)), []
        for begin in range(0, len(split), BATCH):
            chosen = order[begin : begin + BATCH]
            images = split.inputs[chosen].reshape(len(chosen), -1)
            slopes = probabilities((kernel, bias), images) - np.eye(2)[split.labels[chosen]]
            kernel = kernel - RATE * images.T @ slopes / len(chosen)
            bias = bias - RATE * slopes.mean(axis=0)
            found.append((kernel, bias))
        yield found


@pytest.mark.parametrize("swap_on_epoch", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_validation_the_kept_model_and_the_result_are_those_of_the_averages(
    tmp_path, swap_on_epoch
):
    keras.utils.set_random_seed(0)
    known = averaged()
    shapes, average, best = known.data, None, None
    run = cnnkit.run(averaged, runs_dir=tmp_path, swap_on_epoch=swap_on_epoch)
    for epoch, found in enumerate(steps_by_hand(shapes.train, known.model.get_weights())):
        for weights in found:
            if average is None:
                average = weights
            average = [
                MOMENTUM * mean + (1 - MOMENTUM) * now
                for mean, now in zip(average, weights, strict=True)
            ]
        answers = probabilities(average, shapes.validation.inputs)
        told = {name: values[epoch] for name, values in run.history.items()}
        labels = shapes.validation.labels
        accuracy = (answers.argmax(axis=1) == labels).mean()
        loss = -np.log(answers[np.arange(len(labels)), labels]).mean()
        assert told["val_accuracy"] == pytest.approx(accuracy)
        assert told["val_loss"] == pytest.approx(loss, rel=1e-4)
        if best is None or (accuracy, -loss) > best[0]:
            best = (accuracy, -loss), average, epoch + 1
    _, average, epoch = best
    assert run.results["validation"]["epoch"] == epoch
    for ours, theirs in zip(run.model.get_weights(), average, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    answers = probabilities(average, shapes.test.inputs)
    right = (answers.argmax(axis=1) == shapes.test.labels).sum()
    assert run.results["test"]["correct"] == right


def changed(**changes):
    return lambda: replace(averaged(), **changes)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (changed(callbacks=()), "averages weights, but nothing would see the averages"),
        (changed(optimizer=keras.optimizers.SGD()), "needs an optimizer with use_ema=True"),
        (
            lambda: replace(
                averaged(True),
                phases=(
                    transfer.FineTuning(epochs=1, optimizer=keras.optimizers.SGD(use_ema=True)),
                ),
            ),
            "leave swap_on_epoch out",
        ),
    ],
)
def test_averages_that_would_go_unseen_are_refused(make, words):
    with pytest.raises(SettingError, match=words):
        make()


def test_weights_that_the_optimizer_overwrites_with_their_averages_need_no_callback():
    optimizer = keras.optimizers.SGD(use_ema=True, ema_overwrite_frequency=5)
    assert replace(averaged(), optimizer=optimizer, callbacks=()).callbacks == ()


START = 2


class Note(keras.callbacks.Callback):
    """The weights that validation begins with, and those that an epoch ends with."""

    def __init__(self):
        super().__init__()
        self.validated, self.ended = [], []

    def on_test_begin(self, logs=None):
        self.validated.append(self._now())

    def on_epoch_end(self, epoch, logs=None):
        self.ended.append(self._now())

    def _now(self):
        return {each.path: np.array(each) for each in self.model.variables}


def fitted(*callbacks):
    """Fit a network with batch normalisation and dropout, and return it."""
    shapes = data.xo(train=44, validation=16, test=16, image_size=12)
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(5, name="dense"),
            keras.layers.BatchNormalization(momentum=0.9, name="normal"),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(2, name="logits"),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(
        Batches(shapes.train, BATCH, seed=3), validation_data=Batches(shapes.validation, BATCH),
        epochs=4, verbose=0, shuffle=False, callbacks=callbacks,
    )  # fmt: skip
    return shapes, model


def test_validation_sees_the_equal_average_of_the_last_epochs_and_training_goes_on_without_it():
    shapes = data.xo(train=44, validation=16, test=16, image_size=12)
    averaging, note = StochasticWeightAveraging(shapes, start_epoch=START, batch_size=BATCH), Note()
    _, model = fitted(averaging, note)
    _, plain = fitted()
    for ours, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for epoch, seen in enumerate(note.validated, start=1):
        for path in (variable.path for variable in model.trainable_variables):
            ends = [ended[path] for ended in note.ended[:epoch]]
            wanted = np.mean(ends[START - 1 :], axis=0) if epoch >= START else ends[-1]
            np.testing.assert_allclose(seen[path], wanted, rtol=1e-5, atol=1e-7)

    # The statistics that the last average has on the training inputs, batch by batch.
    seen = {path.split("/", 1)[-1]: values for path, values in note.validated[-1].items()}
    inputs = shapes.train.inputs.reshape(len(shapes.train), -1)
    out = inputs @ seen["dense/kernel"] + seen["dense/bias"]
    order = random_generator(0, Purpose.SHUFFLE, 0).permutation(len(out))
    parts = np.split(out[order], range(BATCH, len(out), BATCH))
    sizes = [len(part) for part in parts]
    mean = np.average([part.mean(axis=0) for part in parts], axis=0, weights=sizes)
    variance = np.average([part.var(axis=0) for part in parts], axis=0, weights=sizes)
    np.testing.assert_allclose(seen["normal/moving_mean"], mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(seen["normal/moving_variance"], variance, rtol=1e-4)


def test_batch_normalisation_is_found_inside_other_models_and_left_alone_where_frozen():
    def block(trainable):
        normal = keras.layers.BatchNormalization(trainable=trainable)
        return keras.Sequential([keras.Input((12, 12, 1)), normal])

    shapes = data.xo(train=44, validation=16, test=16, image_size=12)
    averaging, note = StochasticWeightAveraging(shapes, start_epoch=1), Note()
    outputs = keras.Sequential(
        [keras.Input((12, 12, 1)), block(True), block(False), keras.layers.Flatten()]
    )
    model = keras.Sequential([outputs, keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = Batches(shapes.train, BATCH)
    model.fit(batches, validation_data=batches, verbose=0, callbacks=[averaging, note])
    (seen,) = note.validated
    (mean, frozen) = (values for path, values in seen.items() if path.endswith("moving_mean"))
    np.testing.assert_allclose(mean, shapes.train.inputs.mean(), rtol=1e-4)
    assert frozen == 0


def test_weights_are_averaged_in_one_way():
    known = averaged()
    averaging = StochasticWeightAveraging(known.data, start_epoch=1)
    known.model.compile(known.optimizer, known.loss)
    with pytest.raises(SettingError, match="both average weights"):
        known.model.fit(Batches(known.data.train, 8), verbose=0, callbacks=[averaging])
    with pytest.raises(SettingError, match="start_epoch is a whole number of at least 1, not 0"):
        StochasticWeightAveraging(known.data, start_epoch=0)
