"""`cnnkit classify`: name what is in photographs by a network trained on ImageNet."""

import sys
from pathlib import Path

import click

from cnnkit import transfer
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.data.images.decode import display
from cnnkit.errors import BadImage, SettingError
from cnnkit.keras_import import import_keras

SUFFIXES = (".jpeg", ".jpg", ".png", ".webp", ".bmp")  # of files that are taken from a folder


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

    Files that cannot be read are named, and the exit status is then 1.
    """
    transfer.backbone_info(backbone)  # a misspelt name must not wait for Keras
    files = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [f for f in inside if f == path or f.suffix.lower() in SUFFIXES]
    if not files:
        raise SettingError(f"There are no images in {', '.join(map(str, paths))}.")
    import_keras()  # quietly, before the network imports it
    model = transfer.imagenet_classifier(backbone, weights)
    height, width = model.input_shape[1:3]
    click.echo(f"Images are stretched to {height} x {width} pixels.")
    bad = []

    def report(path: Path, reason: BadImage) -> None:
        bad.append(path)
        click.echo(f"{display(path)} {reason}", err=True)

    for path, labels in transfer.most_probable(model, files, on_bad=report):
        click.echo(display(path))
        for label, probability in labels:
            click.echo(f"  {probability:7.2%}  {label.replace('_', ' ')}")
    if bad:
        sys.exit(1)
