"""`cnnkit datasets`: the data sets by name."""

import click

from cnnkit import data
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.screen import console, table


@click.command(cls=OneSentence)
@debug_option
def command():
    """List the data sets that --dataset takes."""
    listing = table("dataset", "what it is", "where it comes from")
    for name in data.names():
        facts = data.entry(name).facts
        listing.add_row(name, facts["about"], facts["origin"])
    console().print(listing)
