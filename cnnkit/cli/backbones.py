"""`cnnkit backbones`: the pretrained networks by name, with what to choose one by."""

import click

from cnnkit import transfer
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.screen import console, table


@click.command(cls=OneSentence)
@debug_option
def command():
    """List the pretrained backbones: size, cost, accuracy on ImageNet, and whether they are here.

    Parameters and multiply-adds are those without the top, at the native size.
    """
    numbers = ("native", "smallest", "parameters", "multiply-adds", "top-1 %", "top-5 %")
    listing = table("backbone", *numbers, "licence", "here", numbers=numbers)
    for name in transfer.names():
        line = transfer.line(name)
        listing.add_row(
            name,
            str(line.native_size),
            str(line.smallest),
            f"{line.parameters:,}",
            f"{line.multiply_adds:,}",
            "" if line.top_1 is None else str(line.top_1),
            "" if line.top_5 is None else str(line.top_5),
            line.licence,
            "yes" if transfer.in_cache(name) else "",
        )
    console().print(listing)
