"""Networks side by side: how large they are, how much work an image is, and how far they see."""

import textwrap
from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from cnnkit import plots
from cnnkit.errors import SettingError

COLOURS = ("#0072b2", "#d55e00", "#009e73")  # safe for colour-blind readers
NOTE_WIDTH = 44  # letters in a line of a note
LETTERS = ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))  # from which number on, and the unit


def sizes(anatomies: Mapping, notes: Mapping[str, str] | None = None) -> Figure:
    """Draw networks below each other, with their weights, work and receptive field on logarithmic axes.

    Work is the multiply-adds of one image. The receptive field is that of the last feature map before
    the head; a tick marks the width of the image that the network takes. A field may be larger than
    the image: a value in its middle then sees all of it.

    Args:
        anatomies: What `cnnkit.models.anatomy` returns, by what the network is called in the figure.
        notes: A sentence beside a network, by what it is called.

    Returns:
        A matplotlib figure.

    Raises:
        SettingError: There are no networks.
    """
    if not anatomies:
        raise SettingError("There are no networks to draw: give at least one anatomy.")
    notes = notes or {}
    panels: tuple[tuple[str, Callable], ...] = (
        ("weights", lambda each: each.parameters),
        ("multiply-adds for one image", lambda each: each.multiply_adds),
        ("one value of the last map sees\nso many pixels across", _pixels),
    )
    columns = len(panels) + bool(notes)
    figure = plots.new_figure(3.1 * columns + 1.1, 0.62 * len(anatomies) + 1.0)
    for place, (title, measure) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, columns, place)
        values = [measure(each) for each in anatomies.values()]
        _draw(axes, values, COLOURS[place - 1])
        axes.set_title(title, fontsize=10)
        axes.set_yticks(range(len(anatomies)), anatomies if place == 1 else [""] * len(anatomies))
        if measure is _pixels:
            _mark_images(axes, anatomies)
    if notes:
        axes = figure.add_subplot(1, columns, columns)
        axes.set(ylim=(len(anatomies) - 0.5, -0.5), xlim=(0, 1))
        axes.axis("off")
        for row, name in enumerate(anatomies):
            words = textwrap.fill(notes.get(name, ""), NOTE_WIDTH)
            axes.text(0, row, words, va="center", fontsize=9, parse_math=False)
    return figure


def in_words(number: float) -> str:
    """Return a number with three digits and a letter.

    >>> in_words(416_520), in_words(15_470_264_320), in_words(2071)
    ('417 k', '15.5 G', '2,071')

    Args:
        number: Any number above 0.

    Returns:
        Its text: k for thousands, from ten of them on; M for millions, G for thousands of millions.
    """
    for least, unit, letter in LETTERS:
        if number >= least:
            return f"{number / unit:.3g} {letter}"
    return f"{number:,.0f}"


def _pixels(anatomy) -> int | None:
    """Return the width of the last receptive field."""
    field = anatomy.receptive_field
    return None if field is None else field.size[-1]


def _draw(axes, values: list, colour: str) -> None:
    known = [value for value in values if value]
    low, high = min(known, default=1), max(known, default=10)
    # Room to the right for the number of the longest bar, whatever it spans.
    room = (high / low) ** 0.45 if high > low else 4
    axes.set(xscale="log", xlim=(low / 2, high * max(room, 4)), ylim=(len(values) - 0.5, -0.5))
    for row, value in enumerate(values):
        if value:
            axes.plot([low / 2, value], [row, row], color=colour, lw=5, alpha=0.3, zorder=1)
            axes.plot([value], [row], "o", color=colour, ms=9)
            axes.annotate(
                in_words(value), (value, row), (9, 0), textcoords="offset points", va="center", fontsize=9
            )  # fmt: skip
        else:
            axes.text(low / 1.8, row, "not known", va="center", fontsize=8, color="grey")
    axes.xaxis.set_major_formatter(lambda value, _: in_words(value))
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", alpha=0.25)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _mark_images(axes, anatomies: Mapping) -> None:
    """Mark the width of each network's image."""
    # A vector has no width, nor has an image of any size.
    shapes = [each.rows[0].output_shape for each in anatomies.values()]
    widths = [shape[-2] if len(shape) > 1 else None for shape in shapes]
    for row, width in enumerate(widths):
        if width:
            label = "width of the image" if row == 0 else None
            axes.plot([width] * 2, [row - 0.3, row + 0.3], color="black", lw=1.5, label=label)
    if any(widths):
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.12), frameon=False, fontsize=8)
