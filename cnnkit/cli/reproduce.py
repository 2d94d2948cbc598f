"""`cnnkit reproduce RUN`: do a run again from its folder, and say how near it comes."""

import sys
from pathlib import Path

import click

from cnnkit import training
from cnnkit.cli import onednn
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.trust import trust_option
from cnnkit.keras_import import import_keras
from cnnkit.runs.listing import resolve


@click.command("reproduce", cls=OneSentence)
@click.argument("run", shell_complete=complete_run)
@runs_dir_option
@click.option("--name", default=None, help="The new run's name.  [default: time and letters]")
@click.option(
    "--within", type=click.FloatRange(min=0), default=1e-3, show_default=True,
    help="Up to which difference numbers count as the same.",
)  # fmt: skip
@trust_option
@debug_option
def command(run, runs_dir, name, within):
    """Do RUN again from its folder alone, and compare the two runs.

    RUN is a run's folder, the start of its name, or "latest". Before training it says what differs in
    recipe, data, versions and machine; after it, whether the new run is bit-identical, the same
    within a number, or different. The exit status is 1 if it is different.
    """
    original = resolve(run, runs_dir)
    onednn.set_default(original.environment.get("threads", {}).get(onednn.VARIABLE))
    click.echo(f"Reproducing {original.folder} ...")
    import_keras()  # quietly, before training imports it
    done = training.reproduce(
        original, runs_dir=Path(runs_dir), name=name, within=within, before=_print_changes
    )
    click.echo(f"\nReproduced     {done.in_words()}\nNew run        {done.run.folder}")
    sys.exit(1 if done.verdict == "different" else 0)


def _print_changes(changes: list[tuple[str, str, str]]) -> None:
    if not changes:
        click.echo("Recipe, data, versions and machine are those of the run.")
        return
    listing = table("what differs", "then", "now")
    for row in changes:
        listing.add_row(*row)
    console().print(listing)
