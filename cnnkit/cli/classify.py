"""`cnnkit classify`: what a network trained on ImageNet sees in photographs."""

from pathlib import Path

import click

from cnnkit import keras_import, transfer
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.errors import SettingError


@click.command(cls=OneSentence)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--backbone", default="mobilenet_v2", show_default=True, help="The network's name.")
@click.option("--weights", default="imagenet", show_default=True, help="imagenet, none, or a file.")
@debug_option
def command(paths, backbone, weights):
    """Print the five most probable of ImageNet's labels for each image, or each in a folder."""
    transfer.backbone_info(backbone)  # a misspelt name must not wait for Keras
    keras_import.import_keras()
    from cnnkit.transfer import imagenet

    files = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [f for f in inside if f == path or f.suffix.lower() in imagenet.SUFFIXES]
    if not files:
        raise SettingError(f"There are no images in {', '.join(map(str, paths))}.")
    model = imagenet.imagenet_classifier(backbone, weights)
    for path, found in imagenet.most_probable(model, files):
        click.echo(path)
        for label, probability in found:
            click.echo(f"  {probability:7.2%}  {label.replace('_', ' ')}")
