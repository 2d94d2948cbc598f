"""`cnnkit backbones`: list the pretrained networks with their size, cost and accuracy."""

import click

from cnnkit import transfer
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table
from cnnkit.keras_import import import_keras
from cnnkit.transfer.catalogue import HUB


@click.command(cls=OneSentence)
@click.option(
    "--hub", is_flag=True, help='List the presets of KerasHub instead; needs "cnnkit[hub]".'
)
@debug_option
def command(hub):
    """List the pretrained backbones: size, cost, accuracy on ImageNet, and which are downloaded.

    Parameters and multiply-adds are those without the top, at the native image size.
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
    transfer.require_hub()  # without it, nobody should wait for Keras
    import_keras()  # quietly, before KerasHub imports it
    listing = table("backbone", "parameters", "description", numbers=("parameters",))
    for name, preset in sorted(transfer.hub_presets().items()):
        metadata = preset["metadata"]
        listing.add_row(f"{HUB}{name}", f"{metadata['params']:,}", metadata["description"])
    console().print(listing)
