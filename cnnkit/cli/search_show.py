"""`cnnkit search show NAME`: the trials of a search, what mattered, and its pictures."""

import importlib
from pathlib import Path

import click

from cnnkit import search
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table, writing
from cnnkit.cli.search_storage import require_optuna, storage_option

NAMED_ROWS = 20  # trials that the terminal shows unless all are asked for
TEXTS = ("state", "run")


@click.command("show", cls=OneSentence)
@click.argument("name")
@click.option("--all", "every", is_flag=True, help=f"Show all trials, not the best {NAMED_ROWS}.")
@click.option(
    "--runs-dir", type=click.Path(file_okay=False, path_type=Path), default=Path("runs"),
    show_default=True, help="The folder that holds the runs.",
)  # fmt: skip
@debug_option
def show(name, every, runs_dir, storage):
    """Show the search NAME: its trials, the importance of parameters, the Pareto front.

    Pictures and a page, search.html, are written into the search's folder.
    """
    require_optuna()
    found = search.load(name, storage=storage, runs_dir=runs_dir)
    # Optuna and matplotlib take seconds, and --help must not pay for them.
    summary = importlib.import_module("cnnkit.search.summary")
    rows, terminal = summary.rows(found), console()
    names = list(rows[0]) if rows else []
    listing = table(*names, numbers=tuple(each for each in names if each not in TEXTS))
    for row in rows if every else rows[:NAMED_ROWS]:
        listing.add_row(*(summary.shown(row[each]) for each in names))
    terminal.print(listing)
    if len(rows) > NAMED_ROWS and not every:
        click.echo(f"... and {len(rows) - NAMED_ROWS} more; --all shows them.")
    shares = summary.importances(found)
    if shares:
        terminal.print(_importance_table(shares, found.study.user_attrs["objectives"][0]))
    with writing(found.folder):
        for path in summary.write(found):
            click.echo(f"{'Page' if path.suffix == '.html' else 'Picture'}  {path}")


show.params.append(storage_option())


def _importance_table(shares: dict[str, float], objective: str):
    listing = table("parameter", f"share of the variance of {objective}", numbers=())
    for name, share in shares.items():
        listing.add_row(name, f"{share:.1%}")
    return listing
