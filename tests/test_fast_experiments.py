"""The fast recipes, at their smallest."""

import keras
import numpy as np
import pytest

from cnnkit import data, models
from cnnkit.errors import SettingError
from experiments import fashion_fast, mnist_fast


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """scikit-learn's digits with the shapes and the border of MNIST, under the names of both."""
    digits = data.digits(image_size=20)
    border = ((0, 0), (4, 4), (4, 4))
    arrays = {
        f"{kind}_{part}": np.pad(split.inputs[..., 0], border) if kind == "x" else split.labels
        for part, split in (("train", digits.train), ("test", digits.test))
        for kind in "xy"
    }
    for name in ("mnist", "fashion_mnist"):
        np.savez(tmp_path / f"{name}.npz", **arrays)
    monkeypatch.setenv("CNNKIT_DATA", str(tmp_path))


def losses_of(found):
    """The loss of each of an epoch's twelve steps."""
    train = found.data.train
    found.model.compile(found.optimizer, found.loss)
    labels = np.eye(10, dtype="float32")[train.labels]
    return [
        found.model.train_on_batch(train.inputs[part] / np.float32(255), labels[part])
        for part in np.array_split(np.arange(len(train)), 12)
    ]


@pytest.mark.parametrize(
    ("recipe", "cut", "parameters"),
    [(mnist_fast, slice(2, -2), 95_146), (fashion_fast, slice(None), 688_298)],
)
def test_learns_behind_a_whitened_layer_that_stays_as_it_was(recipe, cut, parameters, small_mnist):
    found = recipe.experiment(epochs=2)
    assert found.model.count_params() == parameters
    images = found.data.train.inputs[:5000, cut, cut] * np.float32(1 / 255)
    whitening = models.whitening_kernel(images, 5, 16, epsilon=1e-2)
    losses = losses_of(found)
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found.model.get_layer("whitened").kernel),
        np.concatenate([whitening, -whitening], axis=-1),
        rtol=1e-6,
    )


def test_whitened_resnet_takes_images_of_any_size_and_as_many_stages():
    samples = np.random.default_rng(0).random((20, 16, 16, 3), np.float32)
    model = models.whitened_resnet(samples, 7, widths=(4, 8, 6), depths=(1, 0, 2), filters=8)
    for size in (16, 21):
        assert model(samples[:2, :size, :size]).shape == (2, 7)
    kernels = [layer.kernel.shape for layer in model.layers if "conv2d" in layer.name]
    widths = [(16, 4), (4, 4), (4, 8), (8, 6), (6, 6), (6, 6)]
    assert kernels == [(3, 3, *width) for width in widths]
    with pytest.raises(SettingError, match="differ in length"):
        models.whitened_resnet(samples, 7, widths=(4,))
