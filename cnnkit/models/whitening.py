"""A first convolution that whitens image patches, and so needs no training.

Coates, Ng 2012, https://doi.org/10.1007/978-3-642-35289-8_30, section 3, whiten patches before
learning filters. K. Jordan 2024, https://arxiv.org/abs/2404.00498, section 3.2, begins a network for
CIFAR-10 with such a convolution, frozen.
"""

import numpy as np
from keras import layers

from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator

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
    """Compute the kernel of a convolution whose outputs are uncorrelated.

    An output has the variance v / (v + epsilon), where v is the variance of its principal component
    of the patches. With epsilon 0 all outputs have variance 1, even those of mere noise. Filters are
    sorted by v, the largest first; the largest weight of each filter is positive. The kernel does not
    remove the mean; add a bias or a normalisation for that.

    Args:
        images: Floats of shape (samples, height, width, channels), scaled as the network sees them.
        kernel_size: Height and width of a patch, in pixels.
        filters: Number of filters, at most (and by default) kernel_size**2 * channels.
        epsilon: Added to each component's variance, at least 0.
        patches: Number of patches to compute the components of.
        seed: Seed of the patches' random positions.

    Returns:
        Kernel, float32, of shape (kernel_size, kernel_size, channels, filters).

    Raises:
        SettingError: No patch fits into an image, there are too many filters, or a component has no
            variance and `epsilon` is 0.

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
    samples_of_patches = _patches(
        images, kernel_size, patches, random_generator(seed, Purpose.WHITENING_PATCHES)
    )
    variances, components = np.linalg.eigh(
        np.cov(samples_of_patches, rowvar=False).reshape(values, values)
    )
    variances = np.maximum(variances[::-1][:filters], 0)  # rounding may make them negative
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
) -> layers.Conv2D:
    """Build a frozen convolution of `whitening_kernel` and its negative.

    After a ReLU, the negative filters keep what the positive ones lose. The layer is named
    "whitened", has no bias, and its maps have the image's size.

    Args:
        images: Floats of shape (samples, height, width, channels), scaled as the network sees them.
        kernel_size: Height and width of the kernel, in pixels.
        filters: Number of filters; the layer has 2 * filters maps.
        epsilon: Regularisation, see `whitening_kernel`.
        **options: Options of `keras.layers.Conv2D`, such as strides or padding.

    Returns:
        A built `keras.layers.Conv2D` that is not trainable.

    Raises:
        SettingError: As in `whitening_kernel`.

    >>> images = np.random.default_rng(0).normal(size=(100, 8, 8, 3))
    >>> layer = whitened_convolution(images, 2, filters=12)
    >>> tuple(layer(images).shape), layer.trainable
    ((100, 8, 8, 24), False)
    """
    kernel = whitening_kernel(images, kernel_size, filters, epsilon=epsilon)
    options = {"padding": "same", "use_bias": False, "name": "whitened"} | options
    layer = layers.Conv2D(2 * filters, kernel_size, trainable=False, **options)
    layer.build((None, None, None, images.shape[-1]))
    layer.set_weights([np.concatenate([kernel, -kernel], axis=-1)])
    return layer


def _patches(images: np.ndarray, size: int, patches: int, rng: np.random.Generator) -> np.ndarray:
    """Return patches from random places, float64, shape (patches, values)."""
    samples, height, width, _ = images.shape
    image = rng.integers(samples, size=(patches, 1, 1))
    top = rng.integers(height - size + 1, size=(patches, 1, 1))
    left = rng.integers(width - size + 1, size=(patches, 1, 1))
    rows, columns = np.arange(size)[:, None], np.arange(size)
    return images[image, top + rows, left + columns].reshape(patches, -1).astype(np.float64)
