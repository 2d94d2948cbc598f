"""`cnnkit datasets`: the data sets by name; and how commands take one."""

import ast

import click

from cnnkit import data
from cnnkit.cli.completion import completing
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.screen import console, table
from cnnkit.errors import SettingError

complete_dataset = completing(data.names)


def _pairs(ctx, param, texts: tuple[str, ...]) -> dict[str, object]:
    """Return KEY=VALUE texts as a dict, values as Python reads them, or else as text."""
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise SettingError(f"{text!r} is not of the form KEY=VALUE.")
        try:
            pairs[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            pairs[key] = value
    return pairs


dataset_options = click.option(
    "--dataset-option", "options", multiple=True, metavar="KEY=VALUE", callback=_pairs,
    help="An option of the data set's loader.",
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
