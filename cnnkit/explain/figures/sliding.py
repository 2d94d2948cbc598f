"""A kernel that slides over a picture, as a film."""

import numpy as np

from cnnkit import plots
from cnnkit.errors import SettingError
from cnnkit.explain import kernels
from cnnkit.explain.figures.squares import INCH, INK, decimals_of, draw_squares, write_in_square
from cnnkit.explain.numpy_forward import same_padding

MARK_COLOUR = "#e69f00"
MOST_FRAMES = 100


def sliding_window(
    image: np.ndarray,
    kernel: str | np.ndarray,
    *,
    padding: str = "valid",
    strides: int = 1,
    seconds: float = 0.6,
) -> plots.Film:
    """Draw how a kernel slides over a small picture and fills its feature map.

    Each frame has the picture with the patch in a frame, the products of patch and kernel with their
    sum, and the map as far as it is filled.

    Args:
        image: `(height, width)`, any number type.
        kernel: A name from `explain.kernels.KERNELS`, or an array `(height, width)`.
        padding: "valid" keeps the kernel inside; "same" puts zeros around the picture.
        strides: Pixels from one place to the next.
        seconds: How long each place is shown.

    Returns:
        A film, which a notebook shows in place; `film.save("window.gif")` writes it.

    Raises:
        UnknownNameError: There is no kernel of this name.
        SettingError: The kernel does not fit the picture, the picture is none of one channel, or
            there are more than 100 places.
    """
    pixels = np.asarray(image, "float64")
    if pixels.ndim != 2:
        raise SettingError(
            f"A window slides over a picture (height, width), not over {np.shape(image)}; choose "
            "one channel."
        )
    answers = kernels.apply(kernel, pixels, padding=padding, strides=strides).astype("float64")
    if answers.size > MOST_FRAMES:
        raise SettingError(
            f"A film of {answers.size} places is too long; at most {MOST_FRAMES} can be shown. Take "
            "a smaller picture or a larger stride."
        )
    weights = kernels.kernel_weights(kernel)
    pads = [(0, 0), (0, 0)]
    if padding == "same":
        pads = [
            same_padding(size, n, strides)
            for size, n in zip(pixels.shape, weights.shape, strict=True)
        ]
    padded = np.pad(pixels, pads)
    return plots.film(_frames(padded, pads, weights, answers, strides), seconds=seconds)


def _frames(padded, pads, weights, answers, strides):
    """Yield one figure again and again, redrawn for each place of the kernel."""
    sizes = [array.shape for array in (padded, weights, answers)]
    width = sum(INCH * max(columns, 4) + 0.4 for _, columns in sizes)
    figure = plots.new_figure(width, INCH * max(rows for rows, _ in sizes) + 0.9)
    grid = figure.add_gridspec(1, 3, width_ratios=[max(columns, 4) for _, columns in sizes])
    panels = [figure.add_subplot(cell) for cell in grid]
    shown = np.full(answers.shape, np.nan)
    for row, column in np.ndindex(answers.shape):
        top, left = row * strides, column * strides
        patch = padded[top : top + weights.shape[0], left : left + weights.shape[1]]
        shown[row, column] = answers[row, column]
        for axes in panels:
            for artist in [*axes.texts, *axes.lines, *axes.images]:  # sooner than axes.clear()
                artist.remove()
        draw_squares(
            panels[0], padded, "picture", decimals=decimals_of(padded), largest=max(padded.shape)
        )
        _mark_padding(panels[0], padded.shape, pads)
        _mark(panels[0], top, left, *weights.shape)
        _draw_products(panels[1], patch, weights, answers[row, column])
        _draw_map(panels[2], shown, answers, (row, column))
        yield figure
        figure.set_layout_engine("none")  # the first frame's places serve for all


def _mark(axes, top, left, height, width) -> None:
    xs = np.array([left, left + width, left + width, left, left]) - 0.5
    ys = np.array([top, top, top + height, top + height, top]) - 0.5
    axes.plot(xs, ys, color=MARK_COLOUR, lw=3, clip_on=False)


def _mark_padding(axes, shape, pads) -> None:
    if np.any(pads):
        (above, below), (before, after) = pads
        size = (shape[0] - above - below, shape[1] - before - after)
        xs = np.array([before, before + size[1], before + size[1], before, before]) - 0.5
        ys = np.array([above, above, above + size[0], above + size[0], above]) - 0.5
        axes.plot(xs, ys, color="#0072b2", lw=1, ls="--")


def _draw_products(axes, patch, weights, total) -> None:
    words = f"sum of {weights.size} products: {total:.4g}"
    draw_squares(axes, weights, words, signed=True, decimals=None, largest=0)
    for (row, column), weight in np.ndenumerate(weights):
        dark = abs(weight) > 0.6 * np.abs(weights).max()
        words = f"{patch[row, column]:.3g}\nx {weight:.3g}"
        write_in_square(axes, (row, column), words, "white" if dark else INK, size=6.5)


def _draw_map(axes, shown, answers, place) -> None:
    title = f"map, {answers.shape[0]} x {answers.shape[1]}"
    scale = (min(float(answers.min()), 0.0), max(float(answers.max()), 1e-12))
    draw_squares(axes, np.nan_to_num(shown, nan=scale[0]), title, scale=scale, largest=0)
    decimals = decimals_of(answers)
    for (row, column), value in np.ndenumerate(shown):
        if not np.isnan(value):
            dark = (value - scale[0]) / (scale[1] - scale[0]) < 0.5
            words = f"{value + 0.0:.{decimals}f}"
            write_in_square(axes, (row, column), words, "white" if dark else INK)
    row, column = place
    _mark(axes, row, column, 1, 1)
