"""`cnnkit backbones`: the pretrained networks by name, with what to choose one by."""

import click

from cnnkit import keras_import, transfer
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.screen import console, table
from cnnkit.transfer.catalogue import HUB


@click.command(cls=OneSentence)
@click.option("--hub", is_flag=True, help='List KerasHub\'s instead; needs "cnnkit[hub]".')
@debug_option
def command(hub):
    """List the pretrained backbones: size, cost, accuracy on ImageNet, and whether they are here.

    Parameters and multiply-adds are those without the top, at the native size.
    """
    if hub:
        _list_hub()
    else:
        _list_applications()
        click.echo("KerasHub has more: cnnkit backbones --hub")


def _list_applications() -> None:
    numbers = ("native", "smallest", "parameters", "multiply-adds", "top-1 %", "top-5 %")
    listing = table("backbone", *numbers, "licence", "here", numbers=numbers)
    for name in transfer.names():
        info = transfer.backbone_info(name)
        listing.add_row(
            name,
            str(info.native_size),
            str(info.min_size),
            f"{info.parameters:,}",
            f"{info.multiply_adds:,}",
            "" if info.top_1 is None else str(info.top_1),
            "" if info.top_5 is None else str(info.top_5),
            info.licence,
            "yes" if transfer.in_cache(name) else "",
        )
    console().print(listing)


def _list_hub() -> None:
    transfer.require_hub()  # before Keras' seconds
    keras_import.import_keras()
    listing = table("backbone", "parameters", "description", numbers=("parameters",))
    for name, preset in sorted(transfer.hub_presets().items()):
        known = preset["metadata"]
        listing.add_row(f"{HUB}{name}", f"{known['params']:,}", known["description"])
    console().print(listing)
