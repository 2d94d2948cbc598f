import keras
import numpy as np
import pytest

from cnnkit.data import Dataset, Split
from cnnkit.data.augmentation.catalogue import augmentation
from cnnkit.data.batches import Batches
from cnnkit.training.steps.inputs import batches_made_in_step


class Read:
    """Inputs that are no array, as those of a folder of files."""

    def __init__(self, array):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def __len__(self):
        return len(self.array)

    def __getitem__(self, chosen):
        return self.array[chosen]


def colours(samples=50, read=False):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (samples, 10, 12, 3), dtype=np.uint8)
    split = Split(Read(images) if read else images, rng.integers(0, 3, samples))
    return Dataset(
        name="colours", train=split, validation=split, test=split, class_names=("a", "b", "c")
    )


def both(dataset, policy, *, inside, epochs=2):
    """Return weights and history of one and the same training, with steps made in either way."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(dataset.image_shape),
            keras.layers.Conv2D(4, 3),
            keras.layers.Dropout(0.3),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    augment = None if policy is None else augmentation(policy, dataset)
    mixes = getattr(augment, "mixes_labels", False)
    kind = "CategoricalCrossentropy" if mixes else "SparseCategoricalCrossentropy"
    loss = getattr(keras.losses, kind)(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss, metrics=["accuracy"])
    options = {"scale": dataset.scale, "num_classes": 3 if mixes else None}
    train = Batches(dataset.train, 16, seed=5, augment=augment, **options)
    validation = Batches(dataset.validation, 16, **options)
    fit = {"epochs": epochs, "shuffle": False, "callbacks": [train.follow()], "verbose": 0}
    if not inside:
        history = model.fit(train, validation_data=validation, **fit)
    else:
        with batches_made_in_step(model, train, validation) as (inputs, validation_inputs):
            history = model.fit(inputs, validation_data=validation_inputs, **fit)
    return model.get_weights(), history.history


@pytest.mark.parametrize(
    ("policy", "read"),
    [
        pytest.param(None, False, marks=pytest.mark.once),
        (None, True),
        pytest.param("flip_crop", False, marks=pytest.mark.slow),
        ("mixup", True),
    ],
)
def test_trains_as_keras_does_on_batches_made_outside(policy, read):
    dataset = colours(read=read)
    (weights, history), (expected, plain) = (
        both(dataset, policy, inside=inside) for inside in (True, False)
    )
    for ours, theirs in zip(weights, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(history[name], plain[name], rtol=1e-5)


def test_steps_come_in_the_order_of_seed_and_epoch():
    # Keras' fit shuffles the steps of a PyDataset unless it is told not to.
    seen = []

    class Noting(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return keras.ops.square(keras.ops.squeeze(y_pred, -1) - y_true)

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(float(keras.ops.convert_to_numpy(self.model.layers[-1].bias)[0]))

    images = np.zeros((12, 2, 2, 1), np.uint8)
    labels = np.arange(12)
    model = keras.Sequential(
        [keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.SGD(0.5), Noting())  # a step sets the bias to the last label
    train = Batches(Split(images, labels), 1, seed=3)
    with batches_made_in_step(model, train, Batches(Split(images, labels), 1)) as (inputs, _):
        callbacks = [train.follow(), Note()]
        model.fit(inputs, epochs=2, shuffle=False, callbacks=callbacks, verbose=0)
    expected = []
    for epoch in range(2):
        train.epoch = epoch
        expected += train.order().tolist()
    assert seen == pytest.approx(expected)
    assert expected[:12] != expected[12:]


def test_afterwards_the_model_takes_plain_batches_again():
    dataset = colours()
    model = keras.Sequential(
        [keras.Input(dataset.image_shape), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss)
    train, validation = (Batches(dataset.train, 16, scale=dataset.scale) for _ in range(2))
    with batches_made_in_step(model, train, validation) as (inputs, validation_inputs):
        model.fit(inputs, validation_data=validation_inputs, shuffle=False, verbose=0)
        inside = model.evaluate(validation_inputs, verbose=0)
    assert model.evaluate(validation, verbose=0) == pytest.approx(inside)
    before = model.get_weights()
    model.fit(train, verbose=0)
    assert np.abs(model.get_weights()[0] - before[0]).max() > 0


@pytest.mark.parametrize("eagerly", [False, True])
def test_the_model_runs_as_it_was_compiled(eagerly):
    dataset = colours(samples=8)
    model = keras.Sequential(
        [keras.Input((10, 12, 3)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, run_eagerly=eagerly)
    batches = Batches(dataset.train, 4)
    with batches_made_in_step(model, batches, batches):
        assert model.run_eagerly is eagerly
