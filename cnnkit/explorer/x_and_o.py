"""X and O in the explorer: the classifier made by hand, and one that learnt from samples."""

import keras
import numpy as np

from cnnkit import data
from cnnkit.explain import xo
from cnnkit.explorer.document import Document, Preparation, Sample, document
from cnnkit.explorer.opened_run import OpenedRun, test_pictures

PREPARATION = Preparation(9, 9, 1, "crop", (-1, 1), light_on_dark=True)
NINTHS = 9
EPOCHS = 12


def by_hand() -> OpenedRun:
    """Return the hand-made classifier of `cnnkit.explain.xo`, whose numbers are ninths."""
    model = xo.model()
    pictures = [(xo.X, 0), (xo.O, 1), (xo.DEFORMED_X, 0)]
    votes = model.predict(np.stack([picture for picture, _ in pictures]), verbose=0)
    samples = [
        Sample(np.rint((picture + 1) / 2 * 255), int(vote.argmax()), float(vote.max()), label)
        for (picture, label), vote in zip(pictures, votes, strict=True)
    ]
    described = document(
        model, xo.CLASS_NAMES, PREPARATION, name="X and O by hand", samples=samples
    )
    network = described.network | {"fractions": NINTHS}
    # Its votes are the answer: the softmax that ends a network of scores is left out.
    network["layers"] = network["layers"][:-1]
    return OpenedRun(model, Document(network, described.weights))


def learnt(seed: int = 0) -> OpenedRun:
    """Train a network of the same layers on shifted and deformed samples; takes seconds.

    Args:
        seed: Draws the samples and the first weights.

    Returns:
        The network; its answers are probabilities.
    """
    keras.utils.set_random_seed(seed)
    samples = data.xo(image_size=9, noise=0.01, seed=seed)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((9, 9, 1), name="picture"),
            layers.Conv2D(12, 3, name="match"),
            layers.ReLU(name="relu"),
            layers.MaxPooling2D(2, padding="same", name="pool"),
            layers.MaxPooling2D(2, padding="same", name="pool_again"),
            layers.Flatten(name="list"),
            layers.Dense(2, name="votes"),
            layers.Softmax(name="probabilities"),
        ],
        name="xo_learnt",
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(samples.train.inputs, samples.train.labels, batch_size=64, epochs=EPOCHS, verbose=0)
    described = document(
        model, xo.CLASS_NAMES, PREPARATION, name="X and O, learnt",
        samples=test_pictures(model, samples),
    )  # fmt: skip
    return OpenedRun(model, described)
