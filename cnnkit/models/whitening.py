"""The kernel of a first convolution that whitens patches of images, and so needs no training.

Coates, Ng 2012, https://doi.org/10.1007/978-3-642-35289-8_30, section 3, whiten patches before they
learn filters of them; K. Jordan 2024, https://arxiv.org/abs/2404.00498, section 3.2, begins a
network for CIFAR-10 with such a convolution, frozen.
"""

import typing

import numpy as np

from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator

if typing.TYPE_CHECKING:
    import keras

PATCHES = 100_000


def whitening_kernel(
    images: np.ndarray,
    kernel_size: int,
    filters: int | None = None,
    *,
    epsilon: float = 5e-4,
    patches: int = PATCHES,
    seed: int = 0,
) -> np.ndarray:
    """Return a convolution's kernel, float32, shape (kernel_size, kernel_size, channels, filters).

    The convolution's outputs at random places of the images are not correlated, and each has a
    variance of v / (v + epsilon), where v is that of its principal component: of 1 with an epsilon
    of 0, which lets components of little variance, noise above all, count like any other. Filters
    come in the order of their components' variance, the largest first, and the largest weight of
    each is positive. They do not remove the mean: a bias or a normalisation that follows does.

    images: as the network sees them, floats of shape (samples, height, width, channels).
    filters: how many; one for each value of a patch unless given, which is also the most.
    patches: how many are looked at, at random places, as a function of seed.

    Raises SettingError where no patch of that size fits, for more filters than there are values, and
    where a component does not vary and epsilon is 0.

    >>> stripes = np.random.default_rng(0).normal(size=(10, 1, 8, 1)).cumsum(axis=2)
    >>> kernel = whitening_kernel(np.repeat(stripes, 8, axis=1), 2, filters=2)
    >>> kernel.shape
    (2, 2, 1, 2)
    >>> np.sign(kernel[:, :, 0, 0])  # the mean of a patch varies most
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """
    samples, height, width, channels = images.shape
    values = kernel_size**2 * channels
    filters = values if filters is None else filters
    if not samples or not 1 <= kernel_size <= min(height, width):
        raise SettingError(
            f"Patches of {kernel_size} x {kernel_size} cannot be cut from images of shape "
            f"{images.shape}."
        )
    if not 1 <= filters <= values:
        raise SettingError(f"Patches of {values} values have 1 to {values} filters, not {filters}.")
    cut = _cut(images, kernel_size, patches, random_generator(seed, Purpose.WHITENING_PATCHES))
    variances, components = np.linalg.eigh(np.cov(cut, rowvar=False).reshape(values, values))
    variances = np.maximum(variances[::-1][:filters], 0)  # rounding may leave them below
    components = components[:, ::-1][:, :filters]
    if (variances + epsilon <= values * np.finfo(np.float64).eps * variances[0]).any():
        raise SettingError(
            f"Only some of the {filters} components of these patches vary: give an epsilon above 0, "
            "or fewer filters."
        )
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=0)[None], axis=0)
    kernel = components * np.sign(largest) / np.sqrt(variances + epsilon)
    return kernel.reshape(kernel_size, kernel_size, channels, filters).astype(np.float32)


def whitened_convolution(
    images: np.ndarray, kernel_size: int, filters: int, *, epsilon: float = 5e-4, **options
) -> "keras.layers.Conv2D":
    """Return a frozen layer "whitened" of `whitening_kernel` and its negative: 2 * filters maps.

    What a ReLU cuts off of a map, its negative keeps. There is no bias, and a map has the image's
    size. options: of `keras.layers.Conv2D`, such as strides. Raises what `whitening_kernel` raises.

    >>> images = np.random.default_rng(0).normal(size=(100, 8, 8, 3))
    >>> layer = whitened_convolution(images, 2, filters=12)
    >>> tuple(layer(images).shape), layer.trainable
    ((100, 8, 8, 24), False)
    """
    from keras import layers  # `models` lists names, which must not pay for Keras

    kernel = whitening_kernel(images, kernel_size, filters, epsilon=epsilon)
    options = {"padding": "same", "use_bias": False, "name": "whitened"} | options
    layer = layers.Conv2D(2 * filters, kernel_size, trainable=False, **options)
    layer.build((None, None, None, images.shape[-1]))
    layer.set_weights([np.concatenate([kernel, -kernel], axis=-1)])
    return layer


def _cut(images: np.ndarray, size: int, patches: int, rng: np.random.Generator) -> np.ndarray:
    """Return patches from random places, float64, shape (patches, values)."""
    samples, height, width, _ = images.shape
    image = rng.integers(samples, size=(patches, 1, 1))
    top = rng.integers(height - size + 1, size=(patches, 1, 1))
    left = rng.integers(width - size + 1, size=(patches, 1, 1))
    rows, columns = np.arange(size)[:, None], np.arange(size)
    return images[image, top + rows, left + columns].reshape(patches, -1).astype(np.float64)
