"""A little experiment in a process of its own: `python -m little_job JSON`, JSON of cnnkit.run's options.

It prints a line of JSON: the loss of each step, and what the run wrote.
"""

import json
import os
import sys

import keras
import numpy as np

from cnnkit import Experiment, run
from cnnkit.data.dataset import Dataset, Split

EPOCHS = 8  # of 7 steps, the last with 3 samples


class Losses(keras.callbacks.Callback):
    """The mean loss since the epoch began, after each step."""

    losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))


def experiment(
    epochs: int = EPOCHS, normalize: bool = True, dropout: float = 0.2, batch_size: int = 8,
    brightness: float = 0.0,
):  # fmt: skip
    """A little network on noise."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (51, 8, 8, 1), dtype=np.uint8)
    split = Split(images, (images.mean(axis=(1, 2, 3)) > 127.5).astype("int64"))
    validation = Split(images[:21], split.labels[:21])
    layers = [
        keras.Input((8, 8, 1)),
        keras.layers.Conv2D(4, 3, activation="relu"),
        *([keras.layers.BatchNormalization()] if normalize else []),
        keras.layers.Flatten(),
        *([keras.layers.Dropout(dropout)] if dropout else []),
        keras.layers.Dense(2, name="logits"),
    ]
    return Experiment(
        data=Dataset(
            train=split,
            validation=validation,
            test=validation,
            name="noise",
            class_names=("a", "b"),
        ),
        model=keras.Sequential(layers),
        optimizer=keras.optimizers.Adam(0.01),
        epochs=epochs,
        batch_size=batch_size,
        augment=keras.layers.RandomTranslation(0.1, 0.1),
        callbacks=(Losses(),),
    )


def main():
    """Run it, and print what came of it."""
    options = json.loads(sys.argv[1])
    devices = options.pop("logical_cpus", None)
    if devices and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        processor, *_ = tf.config.list_physical_devices("CPU")
        parts = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(processor, parts)
    made = run(experiment, **options)
    facts = {"losses": Losses.losses, "folder": str(made.folder), "pid": os.getpid()}
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
