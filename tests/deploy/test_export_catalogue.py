"""Each family of networks, through ONNX and LiteRT: their own runtimes answer as Keras does."""

import keras
import numpy as np
import pytest
from runtimes import by_litert, by_onnx

from cnnkit import deploy, models

pytestmark = [
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="see test_export_process"),
]

# A small form of each family, and of each variant that has layers of its own.
NETWORKS = {
    "lenet5": ((28, 28, 1), {}),
    "lenet5_1998": ((32, 32, 1), {}),
    "alexnet": ((63, 63, 3), {"hidden_units": (16,)}),
    "alexnet_2012": ((67, 67, 3), {"hidden_units": (16,)}),
    "vgg_small": ((32, 32, 3), {}),
    "vgg11_lrn": ((32, 32, 3), {"hidden_units": (16,), "widths": (4, 4, 8, 8, 8)}),
    "vgg16_1x1": ((32, 32, 3), {"hidden_units": (16,), "widths": (4, 4, 8, 8, 8)}),
    "googlenet": ((32, 32, 3), {}),
    "resnet50": ((32, 32, 3), {"widths": (4, 4, 8, 8)}),
    "resnet20": ((32, 32, 3), {}),
    "resnet_cifar": ((16, 16, 3), {"depth": 8, "projection": True}),
    "densenet121": ((32, 32, 3), {"depths": (2, 2, 2, 2), "growth": 4}),
    "densenet_bc": ((16, 16, 3), {"depth": 16, "growth": 4}),
    "convnet": ((28, 28, 1), {"batch_normalization": True, "activation": "gelu"}),
    "mlp": ((28, 28, 1), {}),
}
CLASSES = 7


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("cnnkit.deploy.speed.SECONDS", 0.02)


def classifier(name):
    """A network from pixels to probabilities that differ much between pictures, and pictures."""
    image_shape, options = NETWORKS[name]
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    network = models.create(name, image_shape, CLASSES, **options)
    for variable in network.weights:
        if variable.name in ("bias", "beta", "moving_mean"):
            variable.assign(rng.normal(0, 0.1, variable.shape))
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    pictures = rng.integers(0, 256, (24, *image_shape)).astype("float32")
    pictures *= np.linspace(0.2, 1, len(pictures)).reshape(-1, 1, 1, 1)
    scores = network.predict(pictures / 255, verbose=0)
    # An untrained network has nearly the same scores for every picture: these are spread.
    scale = 2 / scores.std(axis=0)
    spread = keras.layers.Rescaling(scale.tolist(), (-scale * scores.mean(axis=0)).tolist())
    inputs = keras.Input(image_shape)
    outputs = spread(network(keras.layers.Rescaling(1 / 255)(inputs)))
    return keras.Model(inputs, keras.layers.Activation("softmax")(outputs), name=name), pictures


@pytest.mark.parametrize("name", NETWORKS)
def test_the_runtimes_answer_as_keras_does(name, tmp_path):
    model, pictures = classifier(name)
    expected = model.predict(pictures, verbose=0)
    assert expected.std(axis=0).min() > 0.05
    deploy.export(model, ("onnx", "litert"), output=tmp_path)
    # Exports in float32 are promised to differ by 1e-5 in the mean, and by 1e-3 at most.
    for runtime in (by_onnx, by_litert):
        apart = np.abs(runtime(tmp_path, pictures) - expected).max(axis=1)
        assert apart.mean() < 1e-5, runtime.__name__
        assert apart.max() < 1e-3, runtime.__name__
