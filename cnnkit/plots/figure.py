"""Empty figures, their colours, and how they become files."""

import functools
import io
import warnings

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cnnkit.plots.fonts import choose_fonts

# Safe for colour-blind readers, on white and on black (Okabe, Ito 2008).
TRAINING_COLOUR, VALIDATION_COLOUR, WRONG_COLOUR = "#0072b2", "#e69f00", "#d55e00"


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure to draw on; a notebook shows it without pyplot.

    Args:
        width: Inches.
        height: Inches.

    Returns:
        A matplotlib figure with constrained layout.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    # A notebook shows it without pyplot's global state; a partial, unlike a lambda, is pickled.
    # mypy: matplotlib does not declare IPython's hook.
    figure._repr_png_ = functools.partial(png, figure)  # type: ignore[attr-defined]
    return figure


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file.

    Args:
        figure: A matplotlib figure.
    """
    content = io.BytesIO()
    _save(figure, content, format="png", dpi=110)
    return content.getvalue()


def svg(figure: Figure) -> str:
    """Return a figure as SVG that takes text and background colours from the page around it.

    Args:
        figure: A matplotlib figure.
    """
    content = io.StringIO()
    omitted = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({"svg.hashsalt": "cnnkit"}):  # makes files reproducible
        _save(figure, content, format="svg", transparent=True, metadata=omitted)
    text = content.getvalue()
    text = text[text.index("<svg") :].replace("#000000", "currentColor")
    return text.replace(
        "<svg", '<svg fill="currentColor"', 1
    )  # text in an SVG has no colour of its own


def _save(figure: Figure, content, **options) -> None:
    choose_fonts(figure)
    with warnings.catch_warnings():
        # Once a glyph; the warning of choose_fonts has them all.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(content, **options)
