import keras
import numpy as np
import pytest

from cnnkit import transfer
from cnnkit.data import Dataset, Split


def images_of(samples, seed):
    random = np.random.default_rng(seed)
    inputs = random.integers(0, 256, (samples, 32, 32, 3), dtype="uint8")
    return Split(inputs, random.integers(0, 2, samples))


@pytest.fixture(scope="module")
def photos():
    sizes = zip(("train", "validation", "test"), (70, 5, 3), strict=True)
    splits = {name: images_of(size, seed) for seed, (name, size) in enumerate(sizes)}
    return Dataset(name="noise", class_names=("a", "b"), **splits)


@pytest.fixture(scope="module")
def body():
    keras.utils.set_random_seed(0)
    return transfer.backbone("mobilenet_025", (32, 32, 3), weights="none")


@pytest.fixture(scope="module")
def vectors(body):
    return transfer.feature_extractor(body)
