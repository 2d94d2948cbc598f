"""Write an Inspection as one HTML page without scripts, images or links to the network."""

import html
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from string import Template

import numpy as np

from cnnkit import atomic
from cnnkit.data.images.decode import display
from cnnkit.data.inspection.inspection import Inspection

TEMPLATE = Path(__file__).with_name("inspection.html")
UNFOLDED_ROWS = 20  # longer lists are folded
BAR_WIDTH = 16  # of the longest bar, in rem


def write_page(inspection: Inspection, path: str | os.PathLike) -> None:
    """Write an inspection as an HTML page, which replaces an older one once it is complete.

    Args:
        inspection: The inspection.
        path: The page's file.
    """
    parts = [_verdict(inspection)]
    parts += [_files(title, files, "wrong") for title, files in inspection.wrong.items()]
    if inspection.pictures:
        parts += [
            _classes(inspection),
            _sizes(inspection),
            _colours(inspection),
            _kinds(inspection),
        ]
    parts += [_files(title, files, "note") for title, files in inspection.notes.items()]
    title = html.escape(f"Images of {display(inspection.root)}")
    page = Template(TEMPLATE.read_text(encoding="utf-8"))
    atomic.write_text(Path(path), page.substitute(title=title, body="\n".join(parts)))


def capitalized(title: str) -> str:
    """Return a title with a capital first letter; the other letters stay.

    >>> capitalized("turned by EXIF")
    'Turned by EXIF'

    Args:
        title: The title.

    Returns:
        The title, capitalized.
    """
    return title[:1].upper() + title[1:]


def size_rows(inspection: Inspection) -> list[tuple[str, ...]]:
    """Summarize the pictures' sizes.

    Args:
        inspection: An inspection with at least one readable picture.

    Returns:
        Rows of (measure, least, median, greatest).
    """
    facts = [picture.facts for picture in inspection.pictures]
    measures: dict[str, list] = {
        "width": [each.width for each in facts],
        "height": [each.height for each in facts],
        "width / height": [each.width / each.height for each in facts],
        "bytes": [each.bytes for each in facts],
    }
    return [
        (name, *(_number(statistic(values)) for statistic in (min, np.median, max)))
        for name, values in measures.items()
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:.2f}"


def _verdict(inspection: Inspection) -> str:
    wrong = sum(len(files) for files in inspection.wrong.values())
    pictures, classes = f"{len(inspection.pictures):,}", len(inspection.class_names)
    verdict = "Nothing is wrong with them."
    if wrong:
        verdict = f'<b class="wrong">Something is wrong with {wrong:,} files.</b>'
    return f"<p>{pictures} pictures of {classes} classes can be read. {verdict}</p>"


def _files(title: str, files: dict[str, str], kind: str) -> str:
    rows = "".join(
        f'<tr><td class="name">{html.escape(name)}<td>{html.escape(detail)}'
        for name, detail in files.items()
    )
    unfolded = " open" if len(files) <= UNFOLDED_ROWS else ""
    return (
        f'<h2 class="{kind}">{html.escape(capitalized(title))}: {len(files):,}</h2>'
        f"<details{unfolded}><summary>files</summary><table>{rows}</table></details>"
    )


def _classes(inspection: Inspection) -> str:
    counts = inspection.counts()
    splits = sorted({split for row in counts.values() for split in row})
    most = max(sum(row.values()) for row in counts.values()) or 1
    rows = [
        [name, *(f"{row.get(split, 0):,}" for split in splits), _bar(sum(row.values()) / most)]
        for name, row in counts.items()
    ]
    return "<h2>Classes</h2>" + _table(["class", *splits, ""], rows, len(splits))


def _sizes(inspection: Inspection) -> str:
    return "<h2>Sizes</h2>" + _table(["", "least", "median", "greatest"], size_rows(inspection), 3)


def _colours(inspection: Inspection) -> str:
    rows = []
    for name in inspection.class_names:
        facts = [picture.facts for picture in inspection.pictures if name in picture.classes]
        if facts:
            mean = np.mean([each.mean for each in facts], axis=0)
            deviation = np.mean([each.deviation for each in facts], axis=0)
            rows.append([name, *(f"{value:.1f}" for value in (*mean, *deviation))])
    colours = ("red", "green", "blue")
    heads = [f"{what} {colour}" for what in ("mean", "deviation") for colour in colours]
    return "<h2>Colours, 0 to 255</h2>" + _table(["class", *heads], rows, 6)


def _kinds(inspection: Inspection) -> str:
    kinds = Counter((picture.facts.kind, picture.facts.mode) for picture in inspection.pictures)
    rows = [[kind, mode, f"{count:,}"] for (kind, mode), count in kinds.most_common()]
    return "<h2>Kinds</h2>" + _table(["file", "pixels", "pictures"], rows, 1)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: int) -> str:
    """Return a table; its last `numbers` columns, not counting bars, hold numbers."""
    last = len(heads) - any(isinstance(row[-1], _Html) for row in rows)

    def cell(tag: str, column: int, text: str) -> str:
        right = ' class="number"' if last - numbers <= column < last else ""
        return f"<{tag}{right}>{text if isinstance(text, _Html) else html.escape(text)}"

    lines = [("th", heads), *(("td", row) for row in rows)]
    body = "".join(
        "<tr>" + "".join(cell(tag, column, text) for column, text in enumerate(line))
        for tag, line in lines
    )
    return f"<table>{body}</table>"


class _Html(str):
    """Text that is already HTML; other text may come from file names and is escaped."""


def _bar(fraction: float) -> _Html:
    return _Html(f'<span class="bar" style="width:{fraction * BAR_WIDTH:.2f}rem"></span>')
