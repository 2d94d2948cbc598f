"""Classic image kernels as fixed convolution layers, to compare a network's first filters with.

As in every network, a kernel is laid on the patch as it is printed here. Signal processing calls
this correlation (`scipy.ndimage.correlate`); `convolve` would flip the kernel first.
"""

import math

import keras
import numpy as np

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.explain.numpy_forward import extract_patches
from cnnkit.keras_graph.arrays import as_numpy


def _kernel(*rows, divisor: float = 1) -> np.ndarray:
    return np.array(rows, "float32") / np.float32(divisor)


KERNELS = {
    "identity": _kernel((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "sobel_right": _kernel((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "sobel_left": _kernel((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    "sobel_bottom": _kernel((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "sobel_top": _kernel((1, 2, 1), (0, 0, 0), (-1, -2, -1)),
    "prewitt_right": _kernel((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    "prewitt_bottom": _kernel((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    "scharr_right": _kernel((-3, 0, 3), (-10, 0, 10), (-3, 0, 3)),
    "scharr_bottom": _kernel((-3, -10, -3), (0, 0, 0), (3, 10, 3)),
    "laplacian": _kernel((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    "outline": _kernel((-1, -1, -1), (-1, 8, -1), (-1, -1, -1)),
    "sharpen": _kernel((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "box_blur": _kernel((1, 1, 1), (1, 1, 1), (1, 1, 1), divisor=9),
    "gaussian_blur": _kernel((1, 2, 1), (2, 4, 2), (1, 2, 1), divisor=16),
    "emboss": _kernel((-2, -1, 0), (-1, 1, 1), (0, 1, 2)),
    "line_horizontal": _kernel((-1, -1, -1), (2, 2, 2), (-1, -1, -1)),
    "line_vertical": _kernel((-1, 2, -1), (-1, 2, -1), (-1, 2, -1)),
    "line_falling": _kernel((2, -1, -1), (-1, 2, -1), (-1, -1, 2)),
    "line_rising": _kernel((-1, -1, 2), (-1, 2, -1), (2, -1, -1)),
}
"""The 3 x 3 kernels by name, float32. `sobel_right` responds where the image gets brighter to the right.

Sources  Gonzalez, Woods, Digital Image Processing, 4th edition, chapters 3 (sharpen, Laplacian,
         blur, Sobel) and 10 (lines, Prewitt); H. Scharr 2000 (Scharr); emboss and outline as in
         Victor Powell's "Image kernels explained visually".
"""


def gaussian(sigma: float, size: int | None = None) -> np.ndarray:
    """Return the kernel of a Gaussian blur.

    Args:
        sigma: Standard deviation in pixels, above 0.
        size: Side of the kernel, odd. None reaches four standard deviations.

    Returns:
        `(size, size)`, float32, with sum 1.

    Raises:
        SettingError: sigma is not above 0, or size is not odd.

    >>> gaussian(1.0).shape
    (9, 9)
    """
    if sigma <= 0:
        raise SettingError(f"sigma must be above 0, not {sigma}.")
    reach = int(4 * sigma + 0.5) if size is None else _reach(size)
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    line /= line.sum()
    return np.outer(line, line).astype("float32")


def box(size: int) -> np.ndarray:
    """Return the kernel of a box blur: the mean of a square.

    Args:
        size: Side of the square, odd.

    Returns:
        `(size, size)`, float32, with sum 1.

    Raises:
        SettingError: size is not odd.
    """
    _reach(size)
    return np.full((size, size), 1 / size**2, "float32")


def gabor(wavelength: float, angle: float = 0.0, sigma: float | None = None) -> np.ndarray:
    """Return a Gabor kernel: a cosine wave under a Gaussian.

    Cells in the visual cortex, and the first layers of most trained networks, look like these.

    Args:
        wavelength: Pixels for one wave, above 0.
        angle: Direction in which the wave runs, in radians: 0 is to the right, pi / 2 downwards.
        sigma: Standard deviation of the Gaussian in pixels. None takes 0.56 wavelengths, a bandwidth
            of one octave (Daugman 1985).

    Returns:
        An odd square array, float32.

    Raises:
        SettingError: wavelength is not above 0.
    """
    if wavelength <= 0:
        raise SettingError(f"wavelength must be above 0, not {wavelength}.")
    sigma = 0.56 * wavelength if sigma is None else sigma
    reach = math.ceil(3 * sigma)
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along = right * np.cos(angle) + down * np.sin(angle)
    envelope = np.exp(-0.5 * (right**2 + down**2) / sigma**2) / (2 * np.pi * sigma**2)
    return (envelope * np.cos(2 * np.pi * along / wavelength)).astype("float32")


def gabor_bank(wavelength: float = 6.0, angles: int = 8) -> dict[str, np.ndarray]:
    """Return Gabor kernels of one wavelength in several directions.

    Args:
        wavelength: Pixels for one wave, above 0.
        angles: Number of directions, spread evenly over half a turn.

    Returns:
        The kernels by name, float32; a name ends in the angle in degrees.

    Raises:
        SettingError: wavelength is not above 0.

    >>> list(gabor_bank(angles=4))
    ['gabor_0', 'gabor_45', 'gabor_90', 'gabor_135']
    """
    turns = [180 * index / angles for index in range(angles)]
    return {f"gabor_{turn:g}": gabor(wavelength, math.radians(turn)) for turn in turns}


def layer(
    kernel: str | np.ndarray, channels: int, *, padding: str = "same", strides: int = 1
) -> keras.layers.Conv2D:
    """Return a built `Conv2D` layer that applies one kernel to each channel by itself.

    Args:
        kernel: A name from `KERNELS`, or an array `(height, width)`.
        channels: Number of channels that the layer takes and returns.
        padding: "same" or "valid".
        strides: Pixels between two patches.

    Returns:
        The layer; its weights are not trainable.

    Raises:
        UnknownNameError: There is no kernel of this name.
        SettingError: The kernel is not two-dimensional.
    """
    values = kernel_weights(kernel)
    convolution = keras.layers.Conv2D(
        channels, values.shape, strides, padding, use_bias=False, trainable=False
    )
    convolution.build((None, None, None, channels))
    convolution.set_weights([values[:, :, None, None] * np.eye(channels, dtype="float32")])
    return convolution


def apply(
    kernel: str | np.ndarray, image: np.ndarray, *, padding: str = "same", strides: int = 1
) -> np.ndarray:
    """Apply a kernel to an image with a fixed convolution layer.

    Args:
        kernel: A name from `KERNELS`, or an array `(height, width)`.
        image: `(height, width)` or `(height, width, channels)`, any number type. Each channel is
            filtered by itself.
        padding: "same" adds zeros around the image, "valid" drops the border.
        strides: Pixels between two patches.

    Returns:
        The filtered image, float32, not clipped, with as many axes as `image`.

    Raises:
        UnknownNameError: There is no kernel of this name.
        SettingError: The kernel or image has another number of axes, or the kernel is larger than the
            image and `padding` is "valid".

    >>> patch = np.array([[50, 58, 40], [70, 80, 60], [90, 20, 62]])
    >>> apply("sharpen", patch, padding="valid").tolist()
    [[192.0]]
    """
    pixels = np.asarray(image, "float32")
    if pixels.ndim not in (2, 3):
        raise SettingError(
            f"A kernel is applied to one image, (height, width) or (height, width, channels), "
            f"not to an array of shape {pixels.shape}."
        )
    grey = pixels.ndim == 2
    pixels = pixels[..., None] if grey else pixels
    window = kernel_weights(kernel).shape
    if padding == "valid" and any(n > size for n, size in zip(window, pixels.shape, strict=False)):
        raise SettingError(
            f"A kernel of {window} is larger than an image of {pixels.shape[:2]}; "
            'padding="same" adds zeros around it.'
        )
    convolution = layer(kernel, pixels.shape[-1], padding=padding, strides=strides)
    maps = as_numpy(convolution(pixels[None]))[0]
    return maps[..., 0] if grey else maps


def patch_under(
    kernel: str | np.ndarray,
    image: np.ndarray,
    position: tuple[int, int],
    *,
    padding: str = "same",
    strides: int = 1,
) -> np.ndarray:
    """Return the pixels that a kernel lies on at one place of what `apply` returns.

    The sum of the patch times the kernel is the answer at that place.

    Args:
        kernel: A name from `KERNELS`, or an array `(height, width)`.
        image: `(height, width)`, any number type.
        position: Row and column in the filtered image.
        padding: As for `apply`.
        strides: As for `apply`.

    Returns:
        An array of the kernel's shape, float32, with zeros outside of the image.

    Raises:
        UnknownNameError: There is no kernel of this name.

    >>> patch_under("box_blur", np.arange(16).reshape(4, 4), (1, 0), padding="valid").tolist()
    [[4.0, 5.0, 6.0], [8.0, 9.0, 10.0], [12.0, 13.0, 14.0]]
    """
    pixels = np.asarray(image, "float32")[..., None]
    return extract_patches(pixels, kernel_weights(kernel).shape, strides, padding)[position][0]


def side_by_side(
    kernel: str | np.ndarray, image: np.ndarray, strides: tuple[int, ...] = (1, 2)
) -> dict[tuple[str, int], np.ndarray]:
    """Apply a kernel with both paddings and several strides.

    Args:
        kernel: A name from `KERNELS`, or an array `(height, width)`.
        image: `(height, width)` or `(height, width, channels)`.
        strides: The strides to compare.

    Returns:
        The filtered images by (padding, stride).

    Raises:
        UnknownNameError: There is no kernel of this name.
        SettingError: The kernel does not fit the image.

    >>> maps = side_by_side("identity", np.ones((8, 8)))
    >>> {choice: maps[choice].shape for choice in maps}
    {('same', 1): (8, 8), ('same', 2): (4, 4), ('valid', 1): (6, 6), ('valid', 2): (3, 3)}
    """
    return {
        (padding, step): apply(kernel, image, padding=padding, strides=step)
        for padding in ("same", "valid")
        for step in strides
    }


def kernel_weights(kernel: str | np.ndarray) -> np.ndarray:
    """Return the weights of a kernel.

    Args:
        kernel: A name from `KERNELS`, or an array `(height, width)`.

    Returns:
        `(height, width)`, float32.

    Raises:
        UnknownNameError: There is no kernel of this name.
        SettingError: The array has another number of axes.
    """
    if isinstance(kernel, str):
        if kernel not in KERNELS:
            raise UnknownNameError("kernel", kernel, KERNELS)
        return KERNELS[kernel]
    values = np.asarray(kernel, "float32")
    if values.ndim != 2:
        raise SettingError(f"A kernel is an array (height, width), not {values.shape}.")
    return values


def _reach(size: int) -> int:
    if size < 1 or size % 2 == 0:
        raise SettingError(f"A kernel needs an odd size, so that it has a centre, not {size}.")
    return size // 2
