"""Empty figures, their colours, and how they become files."""

import contextlib
import functools
import io
import warnings
from collections.abc import Iterator
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from cnnkit.plots.fonts import choose_fonts

# Safe for colour-blind readers, on white and on black (Okabe, Ito 2008).
TRAINING_COLOUR, VALIDATION_COLOUR, WRONG_COLOUR = "#0072b2", "#e69f00", "#d55e00"

PNG_DPI, SVG_DPI = 110, 72  # matplotlib lays out every SVG for 72 dots an inch
LAYOUTS = ("figure.autolayout", "figure.constrained_layout.use")  # settings of a user's style


def new_figure(width: float, height: float, *, layout: Any = "constrained") -> Figure:
    """Return an empty figure to draw on; a notebook shows it without pyplot.

    Args:
        width: Inches.
        height: Inches.
        layout: What finds room for everything, as matplotlib names it; "none" where all has its place.

    Returns:
        A matplotlib figure.
    """
    figure = Figure(figsize=(width, height), layout=layout)
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
    _save(figure, content, FigureCanvasAgg, PNG_DPI, format="png", dpi=PNG_DPI)
    return content.getvalue()


def svg(figure: Figure) -> str:
    """Return a figure as SVG that takes text and background colours from the page around it.

    Args:
        figure: A matplotlib figure.
    """
    content = io.StringIO()
    omitted = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    options: dict = {"format": "svg", "transparent": True, "metadata": omitted}
    with rc_context({"svg.hashsalt": "cnnkit"}):  # makes files reproducible
        _save(figure, content, FigureCanvasSVG, SVG_DPI, **options)
    text = content.getvalue()
    text = text[text.index("<svg") :].replace("#000000", "currentColor")
    return text.replace(
        "<svg", '<svg fill="currentColor"', 1
    )  # text in an SVG has no colour of its own


def _save(figure: Figure, content, canvas: type, laid_out_at: int, **options) -> None:
    choose_fonts(figure)
    with warnings.catch_warnings():
        # Once a glyph; the warning of choose_fonts has them all.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        with _laid_out(figure, canvas, laid_out_at):
            figure.savefig(content, **options)


@contextlib.contextmanager
def _laid_out(figure: Figure, canvas: type, dpi: int) -> Iterator[None]:
    """Lay out a figure for what draws it; `savefig` alone would draw all of it twice for that."""
    engine, own, before = figure.get_layout_engine(), figure.canvas, figure.dpi
    if engine is None:
        yield
        return
    try:
        canvas(figure)
        figure.set_dpi(dpi)
        engine.execute(figure)
        with rc_context(dict.fromkeys(LAYOUTS, False)):
            figure.set_layout_engine(None)
        figure.set_canvas(own)
        yield
    finally:
        figure.set_canvas(own)
        figure.set_dpi(before)
        figure.set_layout_engine(engine)
