"""`cnnkit experiments`: list the experiments in this folder without importing them."""

import click

from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table
from cnnkit.errors import CnnkitError
from cnnkit.experiment.signature import read_source
from cnnkit.user_code import experiment_files


@click.command(cls=OneSentence)
@debug_option
def command():
    """List the experiments in ./experiments with their settings."""
    listing = table("experiment", "what it does", "settings")
    for name in experiment_files.experiment_names():
        try:
            summary, settings = read_source(experiment_files.FOLDER / f"{name}.py")
        except CnnkitError as error:
            summary, settings = f"[unreadable: {error}]", []
        listing.add_row(name, summary, ", ".join(settings))
    if not listing.rows:
        click.echo("No experiments in ./experiments; `cnnkit new NAME` writes one.")
        return
    console().print(listing)
