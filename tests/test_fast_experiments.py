"""The fast recipes, at their smallest."""

import keras
import numpy as np
import pytest

from cnnkit import data, models
from cnnkit.errors import SettingError
from experiments import cifar10_fast, fashion_fast, mnist_fast


@pytest.fixture
def small_data(tmp_path, monkeypatch):
    """scikit-learn's digits under other data sets' names: with MNIST's border, and in colours."""
    for names, size in ((("mnist", "fashion_mnist"), 20), (("cifar10",), 32)):
        digits = data.digits(image_size=size)
        arrays = {}
        for part, split in (("train", digits.train), ("test", digits.test)):
            images = split.inputs
            if size == 20:
                images = np.pad(images[..., 0], ((0, 0), (4, 4), (4, 4)))
            else:
                images = np.concatenate([images, 255 - images, images // 2], axis=-1)
            arrays |= {f"x_{part}": images, f"y_{part}": split.labels}
        for name in names:
            np.savez(tmp_path / f"{name}.npz", **arrays)
    monkeypatch.setenv("CNNKIT_DATA", str(tmp_path))


def losses_of(found):
    """The loss of each of an epoch's twelve steps."""
    inputs, labels = found.data.train.inputs[:480], found.data.train.labels[:480]
    found.model.compile(found.optimizer, found.loss)
    return [
        found.model.train_on_batch(images / np.float32(255), np.eye(10, dtype="float32")[classes])
        for images, classes in zip(np.split(inputs, 12), np.split(labels, 12), strict=True)
    ]


@pytest.mark.parametrize(
    ("recipe", "cut", "parameters", "whitened"),
    [
        (mnist_fast, slice(2, -2), 95_146, (5, 16, 1e-2)),
        pytest.param(fashion_fast, slice(None), 688_298, (5, 16, 1e-2), marks=pytest.mark.slow),
        pytest.param(cifar10_fast, slice(None), 1_973_930, (2, 12, 5e-4), marks=pytest.mark.slow),
    ],
)
def test_learns_behind_a_whitened_layer_that_stays_as_it_was(
    recipe, cut, parameters, whitened, small_data
):
    found = recipe.experiment(epochs=2)
    assert found.model.count_params() == parameters
    images = found.data.train.inputs[:5000, cut, cut] * np.float32(1 / 255)
    size, filters, epsilon = whitened
    whitening = models.whitening_kernel(images, size, filters, epsilon=epsilon)
    losses = losses_of(found)
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found.model.get_layer("whitened").kernel),
        np.concatenate([whitening, -whitening], axis=-1),
        rtol=1e-6,
    )


def convolutions(model):
    """The convolutions that learn, in their order."""
    return [layer for layer in model.layers if "conv2d" in layer.name]


def maps_of(model, images):
    """What the convolutions that learn are given, and what they give."""
    wanted = [(layer.input, layer.output) for layer in convolutions(model)]
    found = keras.Model(model.input, wanted)(images)
    return [[keras.ops.convert_to_numpy(each) for each in pair] for pair in found]


def test_whitened_resnet_pools_before_the_first_convolution_of_a_stage():
    samples = np.random.default_rng(0).random((20, 16, 16, 3), np.float32)
    model = models.whitened_resnet(
        samples, 7, widths=(4, 8), depths=(1, 0), kernel_size=3, filters=8
    )
    assert [given.shape[1] for _, given in maps_of(model, samples)] == [8, 8, 4]


@pytest.mark.slow
def test_whitened_convnet_pools_after_it_and_its_convolutions_begin_as_copies():
    samples = np.random.default_rng(0).random((20, 32, 32, 3), np.float32)
    model = models.whitened_convnet(samples, 7, widths=(40, 12, 30))
    assert model(samples[:2, :21, :26]).shape == (2, 7)
    maps = maps_of(model, samples)
    assert [given.shape[1:] for _, given in maps] == [
        (31, 31, 40), (15, 15, 40), (15, 15, 12), (7, 7, 12), (7, 7, 30), (3, 3, 30),
    ]  # fmt: skip
    for taken, given in maps:
        copied = min(taken.shape[-1], given.shape[-1])
        np.testing.assert_allclose(given[..., :copied], taken[..., :copied], atol=1e-6)
        left_over = np.abs(given[..., copied:]).max(axis=(0, 1, 2))
        assert (left_over > 0.01).all()


@pytest.mark.once
def test_whitened_resnet_takes_images_of_any_size_and_as_many_stages():
    samples = np.random.default_rng(0).random((20, 16, 16, 3), np.float32)
    model = models.whitened_resnet(samples, 7, widths=(4, 8, 6), depths=(1, 0, 2), filters=8)
    for size in (16, 21):
        assert model(samples[:2, :size, :size]).shape == (2, 7)
    widths = [(16, 4), (4, 4), (4, 8), (8, 6), (6, 6), (6, 6)]
    assert [layer.kernel.shape for layer in convolutions(model)] == [(3, 3, *w) for w in widths]
    with pytest.raises(SettingError, match="differ in length"):
        models.whitened_resnet(samples, 7, widths=(4,))
