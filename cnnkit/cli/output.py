"""What commands print and write: tables on the screen, and pictures."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cnnkit import atomic, plots
from cnnkit.errors import SettingError

MANY_ROWS = 300  # from which on rich takes its time
PIPE_WIDTH = 160  # a file or a pipe has no width of its own, and a folded table cannot be searched


class Listing(Table):
    """A table that prints every value as it is: "[bold]" in a class name is no markup."""

    def add_row(self, *cells, **options) -> None:
        """Add a row of texts, numbers or anything else that has a `str`."""
        super().add_row(*map(plain, cells), **options)


def plain(value, style: str = "") -> Text:
    """Return a value as text for a terminal, without markup and with control characters escaped.

    Args:
        value: Anything; `str` of it is shown.
        style: Of all of it, as rich names styles.

    Returns:
        The text.
    """
    # An escape sequence in a name could move the cursor, or rename the window.
    words = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda found: repr(found[0])[1:-1], str(value))
    return Text(words, style=style)


def console() -> Console:
    """Return a console as wide as the terminal, or wide enough for a table in a pipe."""
    terminal = Console(markup=False, emoji=False)
    width = None if terminal.is_terminal else PIPE_WIDTH
    return Console(markup=False, emoji=False, width=width)


def print_table(listing: Table) -> None:
    """Print a table; one of many rows as lines that are not folded, in a tenth of the time.

    Args:
        listing: The table.
    """
    if listing.row_count <= MANY_ROWS:
        console().print(listing)
        return
    columns: list[list[Text]] = [
        [plain(column.header), *map(plain, column.cells)] for column in listing.columns
    ]
    widths = [max(cell.cell_len for cell in column) for column in columns]
    right = [column.justify == "right" for column in listing.columns]
    lines = []
    for cells in zip(*columns, strict=True):
        padded = []
        for cell, width, is_right in zip(cells, widths, right, strict=True):
            gap = " " * (width - cell.cell_len)
            padded.append(f"{gap}{cell}" if is_right else f"{cell}{gap}")
        lines.append("   ".join(padded).rstrip())
    click.echo("\n".join(lines))


def table(*headings: str, numbers: tuple[str, ...] = ()) -> Listing:
    """Return an empty table.

    Args:
        headings: One for each column.
        numbers: Those of the headings whose columns are aligned to the right.

    Returns:
        The table, to which rows can be added.
    """
    empty = Listing(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        is_number = heading in numbers
        empty.add_column(plain(heading), justify="right" if is_number else "left", overflow="fold")
    return empty


def write_picture(figure, path: Path) -> None:
    """Write a figure to a file, and print where.

    Args:
        figure: A matplotlib figure.
        path: The file. It becomes SVG if its name ends in .svg, and else PNG.

    Raises:
        SettingError: The file cannot be written. An older one stays as it was.
    """
    content = plots.svg(figure).encode() if path.suffix == ".svg" else plots.png(figure)
    with writing(path):
        atomic.write_bytes(path, content)
    click.echo(f"Picture  {path}")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one sentence that a file or folder cannot be written.

    Args:
        path: The file or folder.

    Raises:
        SettingError: An OSError came while it was written.
    """
    try:
        yield
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror or error}.") from error
