"""Whitening kernels against scikit-learn's PCA, and as the convolution that they are for."""

import keras
import numpy as np
import pytest
from sklearn.decomposition import PCA

from cnnkit import data, models
from cnnkit.errors import SettingError


@pytest.fixture(scope="module")
def digits():
    return (data.digits().train.inputs * np.float32(1 / 255))[:400]


def every_patch(images, size):
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, size * size * images.shape[-1])


def through_keras(images, kernel):
    """What a convolution with this kernel answers, (places, filters), float64."""
    size, _, channels, filters = kernel.shape
    layer = keras.layers.Conv2D(filters, size, use_bias=False)
    layer.build((None, None, None, channels))
    layer.set_weights([kernel])
    return keras.ops.convert_to_numpy(layer(images)).reshape(-1, filters).astype(np.float64)


def test_outputs_of_the_convolution_have_the_identity_as_covariance():
    images = np.random.default_rng(0).normal(size=(50, 12, 12, 3)).cumsum(axis=1).cumsum(axis=2)
    images = images.astype("float32") / 10
    kernel = models.whitening_kernel(images, 3, epsilon=0)
    covariance = np.cov(through_keras(images, kernel), rowvar=False)
    # It is exact for the patches that were drawn, and these are all there are.
    np.testing.assert_allclose(covariance, np.eye(27), atol=0.05)


def test_is_scikit_learns_whitening_but_for_signs(digits):
    images = digits[:, 3:6, 3:6]  # one patch an image, drawn over and over
    kernel = models.whitening_kernel(images, 3, filters=4, epsilon=0, patches=200_000)
    patches = images.reshape(len(images), -1)
    theirs = PCA(4, whiten=True).fit(patches)
    ours = (patches - patches.mean(axis=0)) @ kernel.reshape(9, 4)
    signs = np.sign(np.sum(ours * theirs.transform(patches), axis=0))
    np.testing.assert_allclose(ours * signs, theirs.transform(patches), rtol=0.04, atol=0.06)


def test_epsilon_leaves_small_components_small(digits):
    plain, damped = (
        through_keras(digits, models.whitening_kernel(digits, 3, epsilon=epsilon)).var(axis=0)
        for epsilon in (1e-9, 0.05)
    )
    variances = PCA().fit(every_patch(digits, 3)).explained_variance_
    np.testing.assert_allclose(plain, 1, atol=0.1)
    np.testing.assert_allclose(damped, variances / (variances + 0.05), atol=0.05)


def test_the_layer_gives_the_whitened_values_and_their_negatives_and_does_not_train(digits):
    layer = models.whitened_convolution(digits, 3, 5, epsilon=0.01, padding="valid")
    maps = keras.ops.convert_to_numpy(layer(digits[:50])).reshape(-1, 10)
    kernel = models.whitening_kernel(digits, 3, 5, epsilon=0.01)
    np.testing.assert_allclose(
        maps[:, :5], every_patch(digits[:50], 3) @ kernel.reshape(9, 5), rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(maps[:, 5:], -maps[:, :5])
    assert not layer.trainable_weights


def test_is_a_function_of_the_seed(digits):
    first, again, other = (
        models.whitening_kernel(digits, 3, 5, seed=seed, patches=1000) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-4
    assert (first.max(axis=(0, 1, 2)) == np.abs(first).max(axis=(0, 1, 2))).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kernel_size": 9}, "9 x 9 cannot be cut"),
        ({"kernel_size": 0}, "0 x 0 cannot be cut"),
        ({"kernel_size": 2, "filters": 5}, "1 to 4 filters, not 5"),
        ({"kernel_size": 2, "epsilon": 0}, "epsilon above 0"),
    ],
)
def test_what_cannot_be_whitened_is_told(given, words):
    with pytest.raises(SettingError, match=words):
        models.whitening_kernel(np.ones((3, 8, 8, 1)), **given)
