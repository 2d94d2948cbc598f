"""A little model and data for `cnnkit.fit`, and what may happen to them."""

import signal

import keras
import numpy as np

SAMPLES = 70


def arrays(seed: int = 0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(SAMPLES, 6, 6, 1)).astype("float32")
    return x, (x.mean(axis=(1, 2, 3)) > 0).astype("int64")


def compiled(**options):
    """A model with dropout, so that its own random state counts, too."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(2),
        ],
        name="little",
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    options = {"optimizer": keras.optimizers.Adam(0.01), "loss": loss} | options
    model.compile(metrics=["accuracy"], **options)
    return model


class Interrupt(keras.callbacks.Callback):
    """Sends Ctrl-C once, in a step counted over all epochs."""

    def __init__(self, step: int):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == self.step:
            self.step = None
            signal.raise_signal(signal.SIGINT)


class Batches(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()
        self.x, self.y = arrays()

    @property
    def num_batches(self):
        return 5

    def __getitem__(self, step):
        part = slice(14 * step, 14 * step + 14)
        return self.x[part], self.y[part]


def expect_same_weights(one, other):
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
