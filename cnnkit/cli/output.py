"""What commands print and write: tables on the screen, and pictures."""

from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cnnkit import plots
from cnnkit.errors import SettingError

PIPE_WIDTH = 160  # a file or a pipe has no width of its own, and a folded table cannot be searched


def console() -> Console:
    """Return a console as wide as the terminal, or wide enough for a table in a pipe."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=PIPE_WIDTH)


def table(*headings: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table.

    Args:
        headings: One for each column.
        numbers: Those of the headings whose columns are aligned to the right.

    Returns:
        The table, to which rows can be added.
    """
    empty = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        is_number = heading in numbers
        empty.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    return empty


def write_picture(figure, path: Path) -> None:
    """Write a figure to a file, and print where.

    Args:
        figure: A matplotlib figure.
        path: The file. It becomes SVG if its name ends in .svg, and else PNG.

    Raises:
        SettingError: The file cannot be written.
    """
    content = plots.svg(figure).encode() if path.suffix == ".svg" else plots.png(figure)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SettingError(f"{path} cannot be written: {error.strerror}.") from error
    click.echo(f"Picture  {path}")
