"""The page computes every small network of the catalogue as Keras does, forwards and backwards."""

import keras
import numpy as np
import pytest
from keras_oracle import check_answers, prepare_page, random_weights
from page_engine import run_jobs

from cnnkit import models, transfer

pytestmark = pytest.mark.once

SMALL = 1_000_000  # weights; a page holds 5 MB of them, compressed
# By the rules that resnet20 and a shallow densenet_bc follow, too.
DEEP = ("resnet32", "resnet44", "resnet56", "resnet110", "resnet_cifar", "densenet_bc")
QUICK = {
    "densenet_bc of 16 layers": ("densenet_bc", (32, 32, 3), {"depth": 16, "growth": 6}),
    "convnet with normalisation": (
        "convnet",
        (20, 24, 3),
        {"activation": "gelu", "batch_normalization": True, "head": "global", "strides": (2, 1)},
    ),
}
LARGE = {
    "googlenet": ("googlenet", (64, 64, 3), {}),
    "resnet50": ("resnet50", (64, 64, 3), {}),
    "vgg11_lrn": ("vgg11_lrn", (32, 32, 3), {}),
    "densenet121": ("densenet121", (64, 64, 3), {}),
}


def _small_networks():
    for name in models.names():
        facts = models.entry(name).facts
        if facts["parameters"] <= SMALL or name in DEEP:
            marks = pytest.mark.slow if name in DEEP else ()
            yield pytest.param((name, facts["image_shape"], {}), marks=marks, id=name)


def _check(folder, saved):
    picture = np.random.default_rng(0).uniform(0, 255, saved.input_shape[1:]).astype("float32")
    random_weights(saved)
    job = prepare_page(folder, saved, picture)
    run_jobs(job[0])
    check_answers(*job)


def _as_saved(network):
    """Put scaling before a network and a softmax after it, as a run saves it."""
    pixels = keras.Input(network.input_shape[1:], name="raw")
    scores = network(keras.layers.Rescaling(1 / 255, name="scale")(pixels))
    return keras.Model(pixels, keras.layers.Activation("softmax", name="probabilities")(scores))


@pytest.mark.parametrize(
    "network", [*_small_networks(), *(pytest.param(n, id=key) for key, n in QUICK.items())]
)
def test_network_computes_as_keras_does(network, tmp_path):
    name, image_shape, options = network
    _check(tmp_path, _as_saved(models.create(name, image_shape, 10, **options)))


@pytest.mark.slow
@pytest.mark.parametrize("network", LARGE.values(), ids=LARGE)
def test_large_network_computes_as_keras_does(network, tmp_path):
    name, image_shape, options = network
    _check(tmp_path, _as_saved(models.create(name, image_shape, 10, **options)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The backbone .* is untrained")
@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("mobilenet_v2_035", 3),
        ("mobilenet_025", 1),
        ("mobilenet_v3_small", 3),
        ("efficientnet_b0", 3),
        ("resnet50", 3),
    ],
)
def test_backbone_with_a_head_computes_as_keras_does(name, channels, tmp_path):
    network = transfer.create(name, (64, 64, channels), 5, weights="none", frozen=False)
    pixels = keras.Input((64, 64, channels), name="raw")
    probabilities = keras.layers.Activation("softmax", name="probabilities")(network(pixels))
    _check(tmp_path, keras.Model(pixels, probabilities))
