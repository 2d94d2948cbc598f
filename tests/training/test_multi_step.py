import keras
import numpy as np
import pytest

from cnnkit.data import Split
from cnnkit.data.augmentation.catalogue import augmentation
from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Dataset
from cnnkit.training.steps.inputs import batches_made_in_step
from cnnkit.training.steps.multi_step import ONE_STEP, Length, steps_per_execution

STEPS, EPOCHS = 11, 3  # the last step of an epoch has a smaller batch


class Noting(keras.callbacks.Callback):
    """The logs of every step, whatever else it may hear."""

    def __init__(self):
        super().__init__()
        self.logs = []

    def on_train_batch_end(self, batch, logs=None):
        numbers = {name: np.array(keras.ops.convert_to_numpy(logs[name])) for name in logs}
        self.logs.append((batch, numbers))


def trained(length):
    """Return weights, steps' logs and history; length is of an execution, None Keras' own way."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (8 * STEPS - 3, 8, 8, 1), dtype=np.uint8)
    split = Split(images, rng.integers(0, 2, len(images)))
    names = {"name": "noise", "class_names": ("a", "b")}
    data = Dataset(train=split, validation=split, test=split, **names)
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(3, 3, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.4),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )
    rate = keras.optimizers.schedules.ExponentialDecay(0.01, 3, 0.9)
    model.compile(
        keras.optimizers.Adam(rate, use_ema=True, ema_momentum=0.9),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", keras.metrics.F1Score()],
    )
    options = {"scale": data.scale, "num_classes": 2}
    train = Batches(split, 8, seed=4, augment=augmentation("mixup", data), **options)
    validation, noting = Batches(split, 8, **options), Noting()
    given = {"epochs": EPOCHS, "shuffle": False, "callbacks": [train.follow(), noting]}
    if length is None:
        history = model.fit(train, validation_data=validation, verbose=0, **given)
    else:
        with batches_made_in_step(model, train, validation, length) as (inputs, validation_inputs):
            history = model.fit(inputs, validation_data=validation_inputs, verbose=0, **given)
            assert inputs.reached == STEPS
    return [*model.get_weights(), *_numbers(model.optimizer)], noting.logs, history.history


def expect_same_logs(ours, theirs, rtol):
    assert [step for step, _ in ours] == [step for step, _ in theirs]
    for (_, our), (_, their) in zip(ours, theirs, strict=True):
        assert our.keys() == their.keys()
        for name, value in our.items():
            np.testing.assert_allclose(value, their[name], rtol=rtol)


def _numbers(optimizer):
    return [np.array(keras.ops.convert_to_numpy(each)) for each in optimizer.variables]


@pytest.fixture(scope="module")
def at_once():
    """Trained with executions of one, one, two, four and three steps, and ever longer ones."""
    return trained(Length(steps=64, seconds=1000))


def test_several_steps_an_execution_leave_the_bits_of_one(at_once):
    weights, logs, history = trained(ONE_STEP)
    for ours, theirs in zip(at_once[0], weights, strict=True):
        if keras.backend.backend() == "tensorflow":
            np.testing.assert_array_equal(ours, theirs)
        else:  # another program to XLA, which may add up in another order
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    expect_same_logs(at_once[1], logs, rtol=1e-4)
    assert history.keys() == at_once[2].keys()


def test_where_executions_end_changes_no_bit(at_once):
    weights, logs, _ = trained(Length(steps=64, seconds=1000, multiple=3))
    for ours, theirs in zip(at_once[0], weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    expect_same_logs(at_once[1], logs, rtol=0)


@pytest.mark.once
def test_callbacks_hear_of_every_step_what_keras_tells_them(at_once):
    weights, logs, history = trained(None)
    assert [step for step, _ in at_once[1]] == list(range(STEPS)) * EPOCHS
    expect_same_logs(at_once[1], logs, rtol=1e-3)
    for ours, theirs in zip(at_once[0], weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
    for name, values in history.items():
        np.testing.assert_allclose(at_once[2][name], values, rtol=1e-3)


@pytest.mark.parametrize(
    ("callback", "steps"),
    [
        (keras.callbacks.EarlyStopping(), 64),
        (keras.callbacks.CSVLogger("it.csv"), 64),
        (keras.callbacks.SwapEMAWeights(), 64),
        (keras.callbacks.LambdaCallback(on_epoch_end=print), 64),
        (keras.callbacks.LambdaCallback(on_train_batch_end=print), 1),
        (keras.callbacks.BackupAndRestore("folder"), 1),
        (Noting(), 1),
    ],
)
def test_a_callback_that_hears_of_steps_makes_executions_of_one(callback, steps):
    assert steps_per_execution([keras.callbacks.EarlyStopping(), callback]).steps == steps
