"""The fast recipes, at their smallest."""

import keras
import numpy as np
import pytest

from cnnkit import data, models
from experiments import mnist_fast


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """scikit-learn's digits with the shapes, the border and the name of MNIST."""
    digits = data.digits(image_size=20)
    border = ((0, 0), (4, 4), (4, 4))
    arrays = {
        f"{kind}_{part}": np.pad(split.inputs[..., 0], border) if kind == "x" else split.labels
        for part, split in (("train", digits.train), ("test", digits.test))
        for kind in "xy"
    }
    np.savez(tmp_path / "mnist.npz", **arrays)
    monkeypatch.setenv("CNNKIT_DATA", str(tmp_path))


def test_mnist_fast_learns_behind_a_whitened_layer_that_stays_as_it_was(small_mnist):
    found = mnist_fast.experiment(epochs=2)
    network, train = found.model, found.data.train
    assert network.count_params() == 95_146
    first = network.get_layer("whitened")
    images = train.inputs[:, 2:-2, 2:-2] * np.float32(1 / 255)
    whitening = models.whitening_kernel(images, 5, 16, epsilon=1e-2)
    network.compile(found.optimizer, found.loss)
    labels = np.eye(10, dtype="float32")[train.labels]
    losses = [
        network.train_on_batch(train.inputs[part] / np.float32(255), labels[part])
        for part in np.array_split(np.arange(len(train)), 12)
    ]
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(first.kernel),
        np.concatenate([whitening, -whitening], axis=-1),
        rtol=1e-6,
    )
