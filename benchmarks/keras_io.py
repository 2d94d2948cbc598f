"""The convnet of keras.io/examples/vision/mnist_convnet, as a peer of the fast recipes.

Two convolutions, dropout, Adam at 1e-3, batches of 128, 15 epochs.
"""

import keras

from benchmarks.accuracy_clock import Clock
from cnnkit import data

EPOCHS = 15  # the rate is constant, so that fewer are the beginning of as many


def trained(images: data.Dataset, seed: int, epochs: float) -> list[dict]:
    """Train it, test it after every epoch, and return a row an epoch."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(images.image_shape),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(images.num_classes, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    parts = {
        name: (
            split.inputs.astype("float32") / 255,
            keras.utils.to_categorical(split.labels, images.num_classes),
        )
        for name, split in images.splits.items()
    }
    clock = Clock(lambda: model.evaluate(*parts["test"], batch_size=256, verbose=0)[1])
    model.fit(
        *parts["train"], validation_data=parts["validation"], batch_size=128, epochs=round(epochs),
        verbose=0, callbacks=[clock],
    )  # fmt: skip
    return clock.epochs
