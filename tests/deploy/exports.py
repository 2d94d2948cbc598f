"""What the tests of exports share: a dataset, a model, and quick measurements."""

import keras
import numpy as np

from cnnkit import data, models


def shapes():
    return data.xo(train=64, validation=32, test=120, image_size=12, seed=0)


def trained(dataset, *, activation="softmax", image_shape=(12, 12, 1)):
    """A convolutional network that has learnt a little, from raw pixels to probabilities."""
    keras.utils.set_random_seed(0)
    network = models.create("convnet", image_shape, dataset.num_classes, widths=(4,), depths=(1,))
    inputs = keras.Input(image_shape)
    outputs = network(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Activation(activation)(outputs), name="little")
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    if activation == "softmax":
        pixels = dataset.train.inputs.astype("float32")
        model.fit(pixels, dataset.train.labels, epochs=4, verbose=0)
    return model


def pixels(count, shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype("float32")
