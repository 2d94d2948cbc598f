"""`cnnkit datasets`: list the data sets; and the options by which commands take one."""

import click

from cnnkit import data
from cnnkit.cli.completion import completing
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table
from cnnkit.experiment.option_types import Pair

complete_dataset = completing(data.names)

dataset_options = click.option(
    "--dataset-option", "options", type=Pair(), multiple=True,
    callback=lambda context, option, pairs: dict(pairs),
    help="An option of the data set's loader; may be repeated.",
)  # fmt: skip


@click.command(cls=OneSentence)
@debug_option
def command():
    """List the data sets that --dataset takes."""
    listing = table("dataset", "what it is", "where it comes from")
    for name in data.names():
        facts = data.entry(name).facts
        listing.add_row(name, facts["about"], facts["origin"])
    console().print(listing)
