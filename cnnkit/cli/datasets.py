"""`cnnkit datasets`: the data sets by name."""

import click
from rich.console import Console
from rich.table import Table

from cnnkit import data
from cnnkit.cli.errors import OneSentence, debug_option


@click.command(cls=OneSentence)
@debug_option
def command():
    """List the data sets that --dataset takes."""
    table = Table("dataset", "what it is", "where it comes from")
    for name in data.names():
        facts = data.entry(name).facts
        table.add_row(name, facts["about"], facts["origin"])
    Console().print(table)
