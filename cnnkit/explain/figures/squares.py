"""Arrays as squares with their numbers in them: pictures, kernels, products, feature maps."""

from collections.abc import Mapping

import numpy as np

from cnnkit import plots
from cnnkit.errors import SettingError

INK = "#111111"  # a dark page recolours pure black; this stays dark on light squares
LARGEST_WITH_NUMBERS = 7  # largest array whose numbers a walkthrough writes into the squares
LARGEST = 32  # side of an array whose numbers can still be read
INCH = 0.36  # side of a square with a number of three digits


def numbers(
    arrays: Mapping[str, np.ndarray], *, columns: int | None = None, signed: bool | None = None
):
    """Draw arrays as squares, each with its number.

    Each array has its own scale. Grey goes from its least value, black, to its greatest, white. A
    signed array goes from purple over white, which is 0, to orange.

    Args:
        arrays: `(height, width)` or `(height, width, 1)` by title, at most 32 squares a side. A
            list of numbers `(length,)` becomes a row.
        columns: Arrays in a row; None draws all beside each other.
        signed: Whether to colour by sign; None does so where an array has negative values.

    Returns:
        A matplotlib figure.

    Raises:
        SettingError: There are no arrays, or one has another shape.
    """
    planes = {title: _plane(title, values) for title, values in arrays.items()}
    if not planes:
        raise SettingError("There are no arrays to draw; give at least one, by its title.")
    columns = min(columns or len(planes), len(planes))
    rows = -(-len(planes) // columns)
    height, width = np.max([plane.shape for plane in planes.values()], axis=0)
    figure = plots.new_figure(
        columns * (INCH * max(width, 4) + 0.3), rows * (INCH * max(height, 1) + 0.5)
    )
    for place, (title, plane) in enumerate(planes.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        own = bool((plane < 0).any()) if signed is None else signed
        draw_squares(axes, plane, title, signed=own, decimals=decimals_of(plane), largest=LARGEST)
    return figure


def _plane(title: str, values: np.ndarray) -> np.ndarray:
    plane = np.asarray(values)
    if plane.ndim == 3 and plane.shape[-1] == 1:
        plane = plane[..., 0]
    plane = plane[None] if plane.ndim == 1 else plane
    if plane.ndim != 2 or not plane.size or max(plane.shape) > LARGEST:
        raise SettingError(
            f"Numbers are drawn of arrays (height, width) of at most {LARGEST} squares a side; "
            f"{title!r} has the shape {np.shape(values)}."
        )
    return plane.astype("float64")


def decimals_of(values: np.ndarray) -> int:
    """Return how many decimals the numbers of an array are written with: none for whole numbers.

    Args:
        values: Any numbers.

    >>> decimals_of(np.array([1.0, -3.0])), decimals_of(np.array([0.5, 2.0]))
    (0, 2)
    """
    return 0 if np.array_equal(values, np.rint(values)) else 2


def write_in_square(axes, place, words: str, colour: str, size: float = 8) -> None:
    """Write into a square of what `draw_squares` drew.

    Args:
        axes: The axes.
        place: (row, column) of the square.
        words: What to write.
        colour: Its colour.
        size: Its size in points.
    """
    text = axes.text(
        place[1], place[0], words, ha="center", va="center", fontsize=size, color=colour
    )
    text.set_in_layout(False)  # it lies inside; to measure hundreds of them takes seconds


def draw_squares(
    axes,
    values: np.ndarray,
    title: str,
    signed: bool = False,
    scale: tuple[float, float] | None = None,
    decimals: int | None = None,
    largest: int = LARGEST_WITH_NUMBERS,
) -> None:
    """Draw an array as squares, with numbers in them where there is room.

    Args:
        axes: Matplotlib axes to draw on.
        values: `(rows, columns)`.
        title: What stands above.
        signed: Whether to colour by sign, purple for negative values and orange for positive ones.
        scale: The values that are darkest and lightest; None takes those of the array.
        decimals: Decimals of the numbers. None takes two, or powers of ten for small values.
        largest: Side of the largest array whose numbers are written.
    """
    reach = max(float(np.abs(values).max()), 1e-12)
    own = (float(values.min()), float(values.max()))
    low, high = scale or ((-reach, reach) if signed else own)
    axes.imshow(
        values, cmap="PuOr_r" if signed else "gray", vmin=low, vmax=max(high, low + 1e-12),
        aspect="auto" if min(values.shape) == 1 else "equal",
    )  # fmt: skip
    as_text = "{:.2f}".format if reach >= 0.1 else "{:.0e}".format
    if decimals is not None:
        as_text = f"{{:.{decimals}f}}".format
    values = values + 0.0  # no minus before zero
    if max(values.shape) <= largest:
        for (row, column), value in np.ndenumerate(values):
            shade = (value - low) / max(high - low, 1e-12)
            dark = abs(shade - 0.5) > 0.3 if signed else shade < 0.5
            write_in_square(axes, (row, column), as_text(value), "white" if dark else INK)
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=9, parse_math=False)
