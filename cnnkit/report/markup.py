"""Pieces of HTML: whatever a user may have named is escaped here, and nowhere else."""

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from PIL import Image

from cnnkit import plots

LARGEST_PICTURE = 256  # pixels a side, beyond which a picture is shrunk
LARGEST_PNG = 64  # pixels a side, beyond which a picture is a photograph and kept as JPEG


def escape(text) -> str:
    """Return text as HTML shows it, within quotes, too."""
    return html.escape(str(text), quote=True)


def percent(rate: float | None, digits: int = 1) -> str:
    """Return a rate in [0, 1] as a percentage that no line breaks, None as a dash.

    >>> percent(0.98765, 2).split(), percent(None)
    (['98.77', '%'], '–')
    """
    return "–" if rate is None else f"{100 * rate:.{digits}f}\u202f%"


def interval(ends: Sequence[float] | None, digits: int = 1) -> str:
    """Return both ends of an interval in [0, 1] as percentages, None as a dash.

    >>> interval((0.93, 0.9945)).split()
    ['93.0', 'to', '99.5', '%']
    """
    return "–" if ends is None else f"{100 * ends[0]:.{digits}f} to {percent(ends[1], digits)}"


def duration(seconds: float) -> str:
    """Return a time as a person says it.

    >>> duration(8.234), duration(200), duration(7260)
    ('8.2 s', '3 min 20 s', '2 h 1 min')
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    return (
        f"{minutes} min {seconds} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
    )


def section(title: str, *content: str) -> str:
    """Return a section under a heading."""
    return "\n".join(["<section>", f"<h2>{title}</h2>", *content, "</section>"])


def folded(summary: str, *content: str, unfolded: bool = False) -> str:
    """Return content that is folded away until it is asked for, or until it is not wanted."""
    opened = " open" if unfolded else ""
    return f"<details{opened}><summary>{escape(summary)}</summary>{''.join(content)}</details>"


def facts(rows: Mapping[str, object]) -> str:
    """Return a table of names and values, without those whose value is None or empty."""
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>\n'
        for name, value in rows.items()
        if value not in (None, "")
    )
    return f'<table class="facts">{body}</table>'


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence], text: int = 1) -> str:
    """Return a table that scrolls in its own box: `text` columns of words, then numbers."""

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
    """Return content in a box of its own, which scrolls by touch and by keyboard, under its caption."""
    return (
        f'<p class="soft">{escape(caption)}</p>\n<div class="scroll" role="region" tabindex="0" '
        f'aria-label="{escape(caption)}">{content}</div>'
    )


def picture(pixels: np.ndarray, words: str, drawn: bool = False) -> str:
    """Return a picture that holds its own bytes.

    pixels: uint8, shape (height, width) or (height, width, 3). words: what it shows. drawn: whether
    every pixel of it counts, however large it is.
    """
    image = Image.fromarray(pixels)
    height, width = pixels.shape[:2]
    kind, options, look = "png", {"optimize": True}, "pixels"
    if max(height, width) > LARGEST_PNG and not drawn:
        image.thumbnail((LARGEST_PICTURE, LARGEST_PICTURE))
        kind, options, look = "jpeg", {"quality": 85}, "photo"
    content = io.BytesIO()
    image.save(content, format=kind, **options)
    address = f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"
    return f'<img class="{look}" src="{address}" alt="{escape(words)}">'


def drawing(figure, name: str, words: str) -> str:
    """Return a figure as SVG in the page's own colours.

    name: a letter or word of its own for each drawing of a page, as what they define must not
    bear the same names. words: what it shows.
    """
    text = plots.svg(figure)
    for before in ('id="', 'href="#', "url(#"):
        text = text.replace(before, f"{before}{name}-")
    for colour, variable in ((plots.TRAINING, "training"), (plots.VALIDATION, "validation")):
        text = text.replace(colour, f"var(--{variable})")
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(words)}"', 1)
