"""`cnnkit classify`: `cnnkit predict` by a network trained on ImageNet, with five labels an image."""

from pathlib import Path

import click

from cnnkit import deploy, transfer
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.prediction import Wishes, predict_files
from cnnkit.keras_import import import_keras


@click.command(cls=OneSentence)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--backbone",
    default="mobilenet_v2",
    show_default=True,
    help="The network; `cnnkit backbones` lists them.",
)
@click.option(
    "--weights",
    default="imagenet",
    show_default=True,
    help="The weights: imagenet, none, or a file.",
)
@debug_option
def command(paths, backbone, weights):
    """Print the five most probable labels of ImageNet for each image, or each image in a folder.

    Files that cannot be read are named, and the exit status is then 1. `cnnkit predict` has more
    options, and takes runs, too.
    """
    info = transfer.backbone_info(backbone)  # a misspelt name must not wait for Keras
    import_keras()  # quietly, before the network imports it
    predict_files(deploy.open_trained_model(info, weights=weights), paths, Wishes(top=5))
