"""`cnnkit explain`: what a network sees in an image, as a picture and a table of numbers."""

import click

from cnnkit.cli.errors import OneSentenceGroup, debug_option
from cnnkit.cli.explain import (
    attribution,
    features,
    fields,
    film,
    filters,
    kernels,
    robustness,
    walkthrough,
    xo,
)


@click.group(cls=OneSentenceGroup)
@debug_option
def command():
    """Show what the network of a run sees. Each command writes a picture and prints a table.

    RUN is a run's folder, the start of its name, or "latest". IMAGE is an image file, or a sample
    of the run's data such as test:0.
    """


for module in (
    walkthrough, features, fields, filters, attribution, robustness, film, kernels, xo,
):  # fmt: skip
    command.add_command(module.command)
