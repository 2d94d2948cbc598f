"""The fast recipes, at their smallest."""

import keras
import numpy as np
import pytest

import cnnkit
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


def test_mnist_fast_learns_behind_a_whitened_layer_that_stays_as_it_was(small_mnist, tmp_path):
    run = cnnkit.run(mnist_fast.experiment, epochs=3, batch_size=32, runs_dir=tmp_path / "runs")
    assert run.results["test"]["accuracy"] > 0.9
    network = run.model.get_layer("mnist_fast")
    assert network.count_params() == 95_146
    [frozen] = [layer for layer in network.layers if layer.weights and not layer.trainable]
    kernel = keras.ops.convert_to_numpy(frozen.kernel)
    images = data.mnist().train.inputs[:, 2:-2, 2:-2] * np.float32(1 / 255)
    np.testing.assert_allclose(
        kernel[..., :16], models.whitening_kernel(images, 5, 16, epsilon=1e-2), atol=1e-4
    )
    np.testing.assert_array_equal(kernel[..., 16:], -kernel[..., :16])
