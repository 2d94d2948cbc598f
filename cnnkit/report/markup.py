"""Pieces of HTML. All text is escaped here, and nowhere else."""

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template

import numpy as np
from PIL import Image

from cnnkit import plots

ROOM = Path(__file__).parent
MAX_PICTURE_SIZE = 256  # pixels a side; larger photographs are shrunk
MAX_PNG_SIZE = 64  # pixels a side; larger pictures are photographs, stored as JPEG


def escape(text) -> str:
    """Escape text for HTML, also within quotes.

    Args:
        text: Anything; `str` of it is escaped.

    Returns:
        HTML.
    """
    return html.escape(str(text), quote=True)


def percent(rate: float | None, digits: int = 1) -> str:
    """Return a rate as a percentage that no line break divides.

    Args:
        rate: A number from 0 to 1; None gives a dash.
        digits: Number of decimals.

    Returns:
        The percentage.

    >>> percent(0.98765, 2).split(), percent(None)
    (['98.77', '%'], '–')
    """
    return "–" if rate is None else f"{100 * rate:.{digits}f}\u202f%"


def interval(ends: Sequence[float] | None, digits: int = 1) -> str:
    """Return an interval as percentages.

    Args:
        ends: Both ends, from 0 to 1; None gives a dash.
        digits: Number of decimals.

    Returns:
        The interval.

    >>> interval((0.93, 0.9945)).split()
    ['93.0', 'to', '99.5', '%']
    """
    return "–" if ends is None else f"{100 * ends[0]:.{digits}f} to {percent(ends[1], digits)}"


def duration(seconds: float) -> str:
    """Return a time in words.

    Args:
        seconds: At least 0.

    Returns:
        Seconds, minutes and seconds, or hours and minutes.

    >>> duration(8.234), duration(200), duration(7260)
    ('8.2 s', '3 min 20 s', '2 h 1 min')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return (
        f"{minutes} min {seconds} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
    )


def document(title: str, parts: Iterable[str]) -> str:
    """Return a whole page that needs no network connection and has no script.

    Args:
        title: Of the browser's tab.
        parts: HTML of the page; "" is left out.

    Returns:
        HTML.
    """
    return Template((ROOM / "page.html").read_text()).substitute(
        title=escape(title),
        style=(ROOM / "style.css").read_text(),
        body="\n".join(part for part in parts if part),
    )


def section(title: str, *content: str) -> str:
    """Return a section.

    Args:
        title: Its heading.
        *content: HTML.

    Returns:
        HTML.
    """
    return "\n".join(["<section>", f"<h2>{title}</h2>", *content, "</section>"])


def beside(*content: str) -> str:
    """Return content side by side where the page is wide enough, else one below the other.

    Args:
        *content: HTML; "" is left out.

    Returns:
        HTML; "" if nothing is left.
    """
    shown = "\n".join(filter(None, content))
    return f'<div class="beside">\n{shown}\n</div>' if shown else ""


def folded(summary: str, *content: str, unfolded: bool = False) -> str:
    """Return content that a click on a summary shows or hides.

    Args:
        summary: The text that remains visible.
        *content: HTML.
        unfolded: Whether the content is visible at first.

    Returns:
        HTML.
    """
    opened = " open" if unfolded else ""
    return f"<details{opened}><summary>{escape(summary)}</summary>{''.join(content)}</details>"


def facts(rows: Mapping[str, object]) -> str:
    """Return a table of names and values.

    Args:
        rows: Values by name; None and "" are left out.

    Returns:
        HTML.
    """
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>\n'
        for name, value in rows.items()
        if value not in (None, "")
    )
    return f'<table class="facts">{body}</table>'


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence], text: int = 1) -> str:
    """Return a table that scrolls in its own box.

    Args:
        caption: The line above the table.
        headings: A heading a column.
        rows: A value a column, for each row.
        text: Number of columns with words; the others have numbers.

    Returns:
        HTML.
    """

    def cell(tag, index, value, scope=""):
        kind = "" if index < text else ' class="count"'
        return f"<{tag}{scope}{kind}>{escape(value)}</{tag}>"

    head = "".join(cell("th", i, heading, ' scope="col"') for i, heading in enumerate(headings))
    body = "".join(
        f"<tr>{''.join(cell('td', i, value) for i, value in enumerate(row))}</tr>\n" for row in rows
    )
    return scrolling(
        caption, f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    )


def scrolling(caption: str, content: str) -> str:
    """Return content in a box that scrolls by touch and by keyboard, and says so where it does.

    Args:
        caption: The line above the box.
        content: HTML.

    Returns:
        HTML.
    """
    return (
        f'<p class="soft">{escape(caption)}</p>\n<div class="scroll" role="region" tabindex="0" '
        f'aria-label="{escape(caption)}">{content}</div>'
    )


def picture(pixels: np.ndarray, words: str, drawn: bool = False) -> str:
    """Return a picture whose bytes are in the page.

    Args:
        pixels: The picture, uint8, shape (height, width) or (height, width, 3).
        words: What it shows, for readers who do not see it.
        drawn: Whether every pixel counts; a large photograph is otherwise shrunk.

    Returns:
        HTML.
    """
    image = Image.fromarray(pixels)
    height, width = pixels.shape[:2]
    options: dict = {"optimize": True}
    kind, look = "png", "pixels"
    if max(height, width) > MAX_PNG_SIZE and not drawn:
        image.thumbnail((MAX_PICTURE_SIZE, MAX_PICTURE_SIZE))
        kind, options, look = "jpeg", {"quality": 85}, "photo"
    content = io.BytesIO()
    image.save(content, format=kind, **options)
    address = f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
    return f'<img class="{look}" src="{address}" alt="{escape(words)}">'


def drawing(figure, name: str, words: str) -> str:
    """Return a figure as SVG in the page's colours.

    Args:
        figure: A matplotlib figure.
        name: A word that no other drawing of the page has; it makes the SVG's ids unique.
        words: What it shows, for readers who do not see it.

    Returns:
        HTML.
    """
    text = plots.svg(figure)
    for before in ('id="', 'href="#', "url(#"):
        text = text.replace(before, f"{before}{name}-")
    for colour, variable in (
        (plots.TRAINING_COLOUR, "training"),
        (plots.VALIDATION_COLOUR, "validation"),
    ):
        text = text.replace(colour, f"var(--{variable})")
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(words)}"', 1)
