"""Every network can learn: 64 real digits by heart."""

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from cnnkit import models
from cnnkit.models.families.lenet5_1998 import LeNet5Loss

# name -> (size, channels, options): small, but whole.
SMALL = {
    "lenet5": (28, 1, {}),
    "alexnet": (63, 1, {"hidden_units": (64,), "dropout": 0}),
    "alexnet_2012": (67, 1, {"hidden_units": (64,), "dropout": 0}),
    "vgg11": (32, 1, {"widths": (16, 16, 32, 32, 32), "hidden_units": (64,), "dropout": 0}),
    "vgg16": (
        32,
        1,
        {"widths": (8, 16, 16, 32, 32), "hidden_units": (), "batch_normalization": True},
    ),
    "vgg_small": (16, 1, {"dropout": 0}),
    "googlenet": (32, 1, {"dropout": 0}),
    "resnet18": (32, 1, {"widths": (8, 8, 16, 16)}),
    "resnet50": (32, 1, {"widths": (8, 8, 16, 16), "depths": (1, 1, 1, 1)}),
    "resnet20": (16, 1, {}),
    "densenet121": (32, 1, {"depths": (2, 2, 2, 2), "growth": 8}),
    "densenet_bc": (16, 1, {"depth": 22, "growth": 8}),
    "convnet": (16, 1, {}),
    "mlp": (8, 1, {}),
}
FAST = ("lenet5", "alexnet_2012", "vgg_small", "resnet20", "densenet_bc", "convnet", "mlp")


def few_digits(size):
    bunch = load_digits()
    images = bunch.images[:64, ..., None].astype("float32") / 16
    return keras.ops.convert_to_numpy(keras.ops.image.resize(images, (size, size))), bunch.target[
        :64
    ]


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in SMALL]
)
def test_learns_64_digits_by_heart(name):
    keras.utils.set_random_seed(0)
    size, channels, options = SMALL[name]
    model = models.create(name, (size, size, channels), 10, **options)
    images, labels = few_digits(size)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss)
    lowest = np.inf
    for _ in range(10):
        history = model.fit(images, labels, batch_size=32, epochs=15, verbose=0).history
        lowest = min(lowest, *history["loss"])
        if lowest < 0.05:
            return
    pytest.fail(f"{name} reached a loss of {lowest:.3f} in 300 steps")


def test_lenet5_of_1998_learns_them_with_its_own_loss():
    keras.utils.set_random_seed(0)
    model = models.lenet5_1998((32, 32, 1), 10)
    images, labels = few_digits(32)
    model.compile(keras.optimizers.Adam(3e-3), LeNet5Loss(), metrics=["accuracy"])
    history = model.fit(images, labels, batch_size=32, epochs=120, verbose=0).history
    # Distances to the bitmaps never vanish as a cross-entropy does; being right can.
    assert max(history["accuracy"]) == 1
    assert min(history["loss"]) < 0.2 * history["loss"][0]
