"""Every network can learn: 64 real digits by heart."""

import keras
import numpy as np
import pytest
from scipy.io import wavfile
from sklearn.datasets import load_digits

from cnnkit import models
from cnnkit.losses import LeNet5Loss

NORMALIZED = {"widths": (8, 8, 16, 16, 32), "hidden_units": (), "batch_normalization": True}
FEW = {"widths": (8, 8, 16, 16)}
# name -> (size, options): small, but whole.
SMALL = {
    "lenet5": (28, {}),
    "lenet5_1998": (32, {}),
    "alexnet": (63, {"hidden_units": (64,), "dropout": 0}),
    "alexnet_2012": (67, {"hidden_units": (64,), "dropout": 0}),
    "vgg11": (32, {"widths": (16, 16, 32, 32, 32), "hidden_units": (64,), "dropout": 0}),
    "vgg11_lrn": (32, {"widths": (16, 16, 32, 32, 32), "hidden_units": (64,), "dropout": 0}),
    "vgg13": (32, NORMALIZED),
    "vgg16_1x1": (32, NORMALIZED),
    "vgg16": (32, NORMALIZED),
    "vgg19": (32, NORMALIZED),
    "vgg_small": (16, {"dropout": 0}),
    "vgg": (16, {"depths": (1, 1), "widths": (8, 16), "hidden_units": (32,), "dropout": 0}),
    "googlenet": (32, {"dropout": 0}),
    "resnet18": (32, FEW),
    "resnet34": (32, FEW),
    "resnet50": (32, FEW),
    "resnet101": (32, FEW),
    "resnet152": (32, FEW),
    "resnet20": (16, {}),
    "resnet32": (16, {}),
    "resnet44": (16, {}),
    "resnet56": (16, {}),
    "resnet110": (16, {}),
    "resnet_cifar": (16, {"depth": 8, "projection": True}),
    "densenet121": (32, {"growth": 4}),
    "densenet169": (32, {"growth": 4}),
    "densenet201": (32, {"growth": 4}),
    "densenet264": (32, {"growth": 4}),
    "densenet_bc": (16, {"depth": 10, "growth": 8}),
    "convnet": (16, {}),
    "mlp": (8, {}),
}
RATE = 2e-3  # Adam's, which is too high without normalisation, and too low for many thin layers
RATES = {"googlenet": 7e-4, "resnet152": 5e-3}
FAST = {  # and how often they are tried
    "lenet5": (),
    "resnet_cifar": (),
    "mlp": (),
    "vgg_small": pytest.mark.once,
    "convnet": pytest.mark.once,
}


class Enough(keras.callbacks.Callback):
    """Stops as soon as the loss of an epoch is below 0.05."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = logs["loss"] < 0.05


def lowest_loss(model, inputs, labels, rate=RATE):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(rate), loss)
    history = model.fit(
        inputs, labels, batch_size=32, epochs=150, verbose=0, callbacks=[Enough()]
    ).history
    return min(history["loss"])


def few_digits(size):
    bunch = load_digits()
    images = bunch.images[:64, ..., None].astype("float32") / 16
    images = keras.ops.convert_to_numpy(keras.ops.image.resize(images, (size, size)))
    return images, bunch.target[:64]


def test_every_network_is_tried():
    assert sorted(SMALL) == sorted(models.names())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=FAST.get(name, pytest.mark.slow)) for name in SMALL]
)
def test_learns_64_digits_by_heart_within_300_steps(name):
    keras.utils.set_random_seed(0)
    size, options = SMALL[name]
    model = models.create(name, (size, size, 1), 10, **options)
    assert lowest_loss(model, *few_digits(size), RATES.get(name, RATE)) < 0.05


def test_learns_64_spoken_digits_by_heart(shared):
    keras.utils.set_random_seed(0)
    paths = sorted((shared / "data" / "fsdd").rglob("*.wav"))[::7][:64]
    sounds = np.zeros((len(paths), 4_000), np.float32)
    for sound, path in zip(sounds, paths, strict=True):
        samples = wavfile.read(path)[1][:4_000] / 2**15
        sound[: len(samples)] = samples
    labels = np.array([int(path.name[0]) for path in paths])
    model = models.convnet((4_000,), 10, sampling_rate=8_000, widths=(32, 32))
    assert lowest_loss(model, sounds, labels) < 0.05


@pytest.mark.slow
@pytest.mark.once
def test_lenet5_of_1998_learns_them_with_its_own_loss():
    keras.utils.set_random_seed(0)
    model = models.lenet5_1998((32, 32, 1), 10)
    images, labels = few_digits(32)
    model.compile(keras.optimizers.Adam(3e-3), LeNet5Loss(), metrics=["accuracy"])
    history = model.fit(images, labels, batch_size=32, epochs=120, verbose=0).history
    # Distances to the bitmaps never vanish as a cross-entropy does; being right can.
    assert max(history["accuracy"]) == 1
    assert min(history["loss"]) < 0.2 * history["loss"][0]
