"""Images, sounds and texts side by side.

Each function that draws returns a `matplotlib.figure.Figure`, which a notebook shows in place.
"""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from cnnkit.errors import SettingError
from cnnkit.plots.figure import TRAINING_COLOUR, WRONG_COLOUR, new_figure

CELL, MARGIN, LINE = 1.5, 0.05, 0.16  # inches: of an image with its margin, and of a caption's line


def image_grid(
    images: np.ndarray,
    captions: Sequence[str] | None = None,
    wrong: Sequence[bool] | None = None,
    columns: int | None = None,
) -> Figure:
    """Draw images side by side, with captions below.

    Args:
        images: `(samples, height, width, channels)`, any range; `to_uint8` says how they are shown.
        captions: A line for each image.
        wrong: For each image, whether its caption is red.
        columns: Images in a row; None makes the grid about square.

    Returns:
        A matplotlib figure, whose one axes has all images and captions.

    Raises:
        SettingError: The images have another number of axes, or there are none.
    """
    pixels, count = to_uint8(images), len(images)
    captions = [
        textwrap.fill(str(text), 20, max_lines=3, placeholder=" …")
        for text in ([] if captions is None else captions)
    ]
    lines = max((caption.count("\n") + 1 for caption in captions), default=0)
    columns = columns or min(count, max(5, math.ceil(math.sqrt(count))))
    rows = math.ceil(count / columns)
    height = CELL + 0.05 + LINE * lines
    # One axes for all, and places that need no layout: an axes for each image takes 20 ms.
    figure = new_figure(CELL * columns, height * rows, layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xticks=[], yticks=[])  # even unseen ones take time
    scale = (CELL - 2 * MARGIN) / max(pixels.shape[1:3])
    half_height, half_width = (scale * side / 2 for side in pixels.shape[1:3])
    for index, image in enumerate(pixels):
        row, column = divmod(index, columns)
        middle, across = row * height + CELL / 2, column * CELL + CELL / 2
        left, right = across - half_width, across + half_width
        extent = (left, right, middle + half_height, middle - half_height)
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, extent=extent, aspect="auto")
        if captions:
            colour: dict = {"color": WRONG_COLOUR} if wrong is not None and wrong[index] else {}
            axes.text(
                across, middle + half_height + MARGIN, captions[index], fontsize=8, ha="center",
                va="top", parse_math=False, **colour,
            )  # fmt: skip
    axes.set(xlim=(0, CELL * columns), ylim=(height * rows, 0))
    return figure


def to_uint8(images: np.ndarray) -> np.ndarray:
    """Return images as a screen shows them.

    uint8 stays as it is. Floats in [0, 1] or [-1, 1] keep that scale; other values go from the smallest
    to the largest of all images.

    Args:
        images: `(samples, height, width, channels)`. One channel is shown in grey, three in colour; of
            any other number, the mean.

    Returns:
        uint8, `(samples, height, width)` or `(samples, height, width, 3)`.

    Raises:
        SettingError: The images have another number of axes, or there are none.

    >>> to_uint8(np.reshape([-1.0, 0.0, 1.0], (1, 1, 3, 1)))
    array([[[  0, 128, 255]]], dtype=uint8)
    """
    images = np.asarray(images)
    if images.ndim != 4 or not images.size:
        raise SettingError(
            f"Images must have the shape (samples, height, width, channels), not {images.shape}."
        )
    if images.dtype != np.uint8:
        images = images.astype(np.float32)
        low, high = float(images.min()), float(images.max())
        if low >= -1 and high <= 1:
            low, high = (-1.0 if low < 0 else 0.0), 1.0
        images = (images - low) * (255 / max(high - low, 1e-12))
    if images.shape[3] != 3:
        images = images.mean(axis=3)
    return np.rint(images).astype(np.uint8)


def kernels(weights: np.ndarray, *, max_kernels: int = 64) -> Figure:
    """Draw a layer's kernels as images; `kernel_images` says how.

    Args:
        weights: `(height, width, in, out)`, as Keras stores a `Conv2D` kernel.
        max_kernels: Kernels that are drawn, at most.

    Returns:
        A matplotlib figure.
    """
    images = kernel_images(np.asarray(weights)[..., :max_kernels])
    return image_grid(images, columns=min(8, len(images)))


def kernel_images(weights: np.ndarray) -> np.ndarray:
    """Return a layer's kernels as images on one scale, with 0.5 for a weight of zero.

    Args:
        weights: `(height, width, in, out)`, as Keras stores a `Conv2D` kernel. In colour if `in` is 3;
            otherwise the mean over `in` is shown.

    Returns:
        `(out, height, width, 3 or 1)`, float32, in [0, 1].
    """
    weights = np.asarray(weights, np.float32)
    if weights.shape[2] != 3:
        weights = weights.mean(axis=2, keepdims=True)
    reach = max(float(np.abs(weights).max()), 1e-12)
    return np.moveaxis(weights, 3, 0) / (2 * reach) + 0.5


def waveforms(sounds: np.ndarray, captions: Sequence[str], columns: int = 3) -> Figure:
    """Draw sounds side by side, with captions above.

    Args:
        sounds: `(samples, steps)`, in [-1, 1].
        captions: A line for each sound.
        columns: Sounds in a row.

    Returns:
        A matplotlib figure.
    """
    rows = math.ceil(len(sounds) / columns)
    figure = new_figure(3.2 * columns, 1.1 * rows)
    for index, (wave, caption) in enumerate(zip(sounds, captions, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, index)
        axes.plot(wave, color=TRAINING_COLOUR, linewidth=0.5)
        axes.set(ylim=(-1, 1), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.set_title(caption, fontsize=8, parse_math=False)
    return figure


def texts(sentences: Sequence[str], captions: Sequence[str], width: int = 90) -> Figure:
    """Draw texts below each other, each with its caption to the left, in at most two lines.

    Args:
        sentences: The texts.
        captions: A word or two for each text.
        width: Letters in a line.

    Returns:
        A matplotlib figure.
    """
    lines = [
        textwrap.fill(text, width, max_lines=2, placeholder=" …") or "(no word)"
        for text in sentences
    ]
    figure = new_figure(10, 0.2 + 0.42 * len(lines))
    figure.add_subplot().axis("off")  # IPython shows no figure without axes once pyplot is imported
    for index, (text, caption) in enumerate(zip(lines, captions, strict=True)):
        height = 1 - (index + 0.5) / len(lines)
        figure.text(0.16, height, caption, ha="right", va="center", weight="bold", parse_math=False)
        figure.text(0.18, height, text, va="center", fontsize=9, parse_math=False)
    return figure
