"""A little experiment in a process of its own: `python little_job.py JSON ...`,
each with the options of a run.

It prints a line of JSON for each: the losses of its steps, its folder, and the process.
"""

import functools
import hashlib
import json
import os
import sys
from typing import ClassVar

import keras
import numpy as np

from cnnkit import Experiment, run
from cnnkit.data.dataset import Dataset, Split

EPOCHS = 8  # of 7 steps, the last with 3 samples


class Losses(keras.callbacks.Callback):
    """The mean loss since the epoch began, after each step."""

    losses: ClassVar[list[float]] = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(float(logs["loss"]))


class Files:
    """Images that are read when they are asked for, and counted, as those in files.

    Args:
        images: The images.
    """

    read: ClassVar[int] = 0

    def __init__(self, images: np.ndarray):
        self.images = images
        self.shape, self.dtype, self.ndim = images.shape, images.dtype, images.ndim

    def __len__(self):
        return len(self.images)

    def __getitem__(self, chosen):
        found = self.images[chosen]
        Files.read += len(found) if found.ndim == 4 else 1
        return found

    def content_hash(self):
        return hashlib.sha256(self.images.tobytes()).hexdigest()


def experiment(
    epochs: int = EPOCHS, normalize: bool = True, dropout: float = 0.2, batch_size: int = 8,
    in_files: bool = False,
):  # fmt: skip
    """A little network on noise."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (51, 8, 8, 1), dtype=np.uint8)
    labels = (images.mean(axis=(1, 2, 3)) > 127.5).astype("int64")
    split = Split(Files(images) if in_files else images, labels)
    validation = Split(images[:21], labels[:21])
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
    """Make the runs, and print what came of each."""
    for options in map(json.loads, sys.argv[1:]):
        set_logical_cpus(options.pop("logical_cpus", 1))
        Losses.losses, Files.read = [], 0
        made = run(experiment, **options)
        facts = {
            "losses": Losses.losses,
            "folder": str(made.folder),
            "pid": os.getpid(),
            "read": Files.read,
        }
        print("\n" + json.dumps(facts))


@functools.cache  # TensorFlow lets it be done once
def set_logical_cpus(count):
    """Let TensorFlow see so many processors; of JAX, an environment variable does it."""
    if count == 1 or keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    processor, *_ = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * count
    tf.config.set_logical_device_configuration(processor, parts)


if __name__ == "__main__":
    main()
