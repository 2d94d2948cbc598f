"""`cnnkit models`: the networks by name; needs no Keras."""

import click
from click.shell_completion import CompletionItem

from cnnkit import models
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.screen import console, table
from cnnkit.errors import UnknownNameError


def _complete(ctx, param, incomplete):
    return [CompletionItem(name) for name in models.names() if name.startswith(incomplete)]


@click.command(cls=OneSentence)
@click.argument("pattern", default="*", shell_complete=_complete)
@debug_option
def command(pattern):
    """List the networks whose names match PATTERN, such as "vgg*"."""
    names = models.names(pattern)
    if not names:
        raise UnknownNameError("model", pattern, models.names())
    listing = table(
        "model", "input", "classes", "parameters", "multiply-adds", "source",
        numbers=("classes", "parameters", "multiply-adds"),
    )  # fmt: skip
    for name in names:
        facts = models.entry(name).facts
        listing.add_row(
            name,
            " x ".join(map(str, facts["image_shape"])),
            str(facts["num_classes"]),
            f"{facts['parameters']:,}",
            f"{facts['multiply_adds']:,}",
            facts["source"],
        )
    console().print(listing)
