"""Classic kernels as a figure: what they make of an image, and the sum at one place."""

from collections.abc import Mapping

import numpy as np

from cnnkit import plots

MARK_COLOUR = "#e69f00"
MOST_COLUMNS = 6
MOST_WEIGHTS = 5  # side of the largest kernel whose products are written into its squares


def kernel_responses(
    image: np.ndarray,
    responses: Mapping[str, np.ndarray],
    kernels: Mapping[str, np.ndarray] | None = None,
    sums: Mapping[str, tuple[tuple[int, int], np.ndarray]] | None = None,
):
    """Draw an image and what kernels make of it, each with the range of its values.

    What a kernel whose weights add up to 1 makes is a picture again, such as a blurred or a sharper one:
    it is drawn from black to white as the image is, and values outside of that range are clipped. Of
    other kernels mid-grey is 0 where there are negative values, and otherwise black is.

    Args:
        image: `(height, width)` or `(height, width, channels)`.
        responses: The filtered images, of any size, by the name of the kernel.
        kernels: The kernels by name, `(height, width)`. They are drawn below what they make.
        sums: By name, a place in the filtered image and the patch of the image that the kernel lies on
            there. The kernel's squares then show weight times pixel, whose sum is the value there.

    Returns:
        A matplotlib figure.
    """
    pixels, kernels, sums = np.asarray(image, "float32"), kernels or {}, sums or {}
    columns = min(MOST_COLUMNS, 1 + len(responses))
    rows = -(-(1 + len(responses)) // columns)
    parts = 2 if kernels else 1
    figure = plots.new_figure(2.2 * columns, 2.4 * parts * rows)
    places = [divmod(index, columns) for index in range(1 + len(responses))]
    low, high = _image_range(pixels)
    _draw(figure, (parts * rows, columns), places[0], parts, pixels, "image", (low, high))
    for (row, column), (name, values) in zip(places[1:], responses.items(), strict=True):
        values = np.asarray(values, "float32")
        kernel = kernels.get(name)
        is_picture = kernel is not None and abs(float(np.sum(kernel)) - 1) < 1e-4
        scale = (low, high) if is_picture else _range_about_zero(values)
        size = (parts * rows, columns)
        axes = _draw(figure, size, (row, column), parts, values, name, scale)
        position, patch = sums.get(name, (None, None))
        if position is not None:
            axes.plot([position[1]], [position[0]], "s", ms=7, mfc="none", mec=MARK_COLOUR, mew=1.5)
        if kernel is not None:
            under = figure.add_subplot(*size, (parts * row + 1) * columns + column + 1)
            _draw_kernel(under, kernel, position, patch)
    return figure


def _draw(figure, size, place, parts: int, values: np.ndarray, name: str, scale):
    row, column = place
    axes = figure.add_subplot(*size, parts * row * size[1] + column + 1)
    low, high = scale
    shown = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    if shown.ndim == 3 and shown.shape[-1] != 3:
        shown = shown.mean(axis=-1)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1)
    axes.axis("off")
    least, greatest = float(values.min()), float(values.max())
    words = f"{name}, {values.shape[0]} x {values.shape[1]}\n{least:.4g} to {greatest:.4g}"
    if least < low or greatest > high:
        words += f", drawn {low:.4g} to {high:.4g}"
    axes.set_title(words, fontsize=8)
    return axes


def _draw_kernel(axes, kernel: np.ndarray, position, patch: np.ndarray | None) -> None:
    reach = max(float(np.abs(kernel).max()), 1e-12)
    axes.imshow(kernel, cmap="PuOr_r", vmin=-reach, vmax=reach)
    axes.set(xticks=[], yticks=[])
    if max(kernel.shape) <= MOST_WEIGHTS:
        for (row, column), weight in np.ndenumerate(kernel):
            words = f"{weight:.3g}"
            if patch is not None:
                words += f"\nx {patch[row, column]:.0f}"
            colour = "white" if abs(weight) > 0.6 * reach else "#111111"
            axes.text(column, row, words, ha="center", va="center", fontsize=7, color=colour)
    if patch is not None:
        axes.set_title(
            f"kernel x pixels; sum {np.sum(kernel * patch):.4g}\nat {position}", fontsize=8
        )


def _image_range(pixels: np.ndarray) -> tuple[float, float]:
    """Return black and white of an image: 0 to 255 of pixels as files store them, else its own."""
    low, high = min(0.0, float(pixels.min())), max(float(pixels.max()), 1e-12)
    return (0.0, 255.0) if low == 0 and 1 < high <= 255 else (low, high)


def _range_about_zero(values: np.ndarray) -> tuple[float, float]:
    reach = max(float(np.abs(values).max()), 1e-12)
    return (-reach if values.min() < 0 else 0.0), reach
