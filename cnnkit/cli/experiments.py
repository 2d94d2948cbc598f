"""`cnnkit experiments`: what can be run here; the files are read, not imported."""

import click
from rich.console import Console
from rich.table import Table

from cnnkit.cli import finding
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.errors import CnnkitError
from cnnkit.experiment import read_source


@click.command(cls=OneSentence)
@debug_option
def command():
    """List the experiments in ./experiments with their settings."""
    table = Table("experiment", "what it does", "settings")
    for name in finding.experiment_names():
        try:
            summary, settings = read_source(finding.FOLDER / f"{name}.py")
        except CnnkitError as error:
            summary, settings = f"[unreadable: {error}]", []
        table.add_row(name, summary, ", ".join(settings))
    if not table.rows:
        click.echo("No experiments in ./experiments; `cnnkit new NAME` writes one.")
        return
    Console().print(table)
