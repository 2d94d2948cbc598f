"""Where tables are printed."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 160  # a file or a pipe has no width of its own, and a folded table cannot be searched


def console() -> Console:
    """Return the screen: as wide as the terminal, or wide enough for a table in a pipe."""
    screen = Console()
    return screen if screen.is_terminal else Console(width=PIPE_WIDTH)


def table(*headings: str, numbers: tuple[str, ...] = ()) -> Table:
    """Return an empty table; columns of `numbers` stand to the right."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in numbers else "left", overflow="fold")
    return made
