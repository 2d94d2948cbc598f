"""A small network of three classes, and pictures for it."""

import keras
import numpy as np

from cnnkit import explorer

CLASS_NAMES = ("ring", "cross", "dot")
SIDE = 12


def classifier() -> keras.Model:
    """A network with most of what the page explains, small enough to be quick."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="raw"),
            layers.Rescaling(1 / 255, name="scale"),
            layers.Conv2D(4, 3, padding="same", activation="relu", name="C1"),
            layers.MaxPooling2D(2, name="S2"),
            layers.Conv2D(5, 3, strides=2, padding="same", activation="tanh", name="C3"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(name="flatten"),
            layers.Dense(8, activation="relu", name="F4"),
            layers.Dense(3, name="logits"),
            layers.Softmax(name="probabilities"),
        ],
        name="small",
    )


def samples() -> list[explorer.Sample]:
    pixels = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 1), dtype=np.uint8)
    return [explorer.Sample(picture, n, 0.5, (n + n // 2) % 3) for n, picture in enumerate(pixels)]


def classifier_like(model) -> keras.Model:
    """Return a copy with the same weights."""
    copy = classifier()
    copy.set_weights(model.get_weights())
    return copy
