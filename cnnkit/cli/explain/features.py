"""`cnnkit explain features`: the feature maps of an image."""

import click

from cnnkit import explain
from cnnkit.cli.explain.options import explain_command
from cnnkit.cli.output import console, table, write_picture
from cnnkit.cli.run_inputs import load_run_image


@explain_command("features")
@click.option(
    "--layer", "layers", multiple=True,
    help="A layer, by name or path; may be repeated.  [default: one for each resolution]",
)  # fmt: skip
def command(run, image, layers, invert, output, runs_dir):
    """Draw the feature maps of IMAGE."""
    _, model, pixels, *_ = load_run_image(run, runs_dir, image, invert=invert)
    maps = explain.feature_maps(model, pixels, list(layers) or None)
    numbers = ("maps", "mean", "greatest", "above 0", "silent maps")
    listing = table("layer", "size", *numbers, numbers=numbers)
    for path, values in maps.items():
        *size, filters = values.shape
        silent = (values.reshape(-1, filters).max(axis=0) <= 0).sum()
        listing.add_row(
            path, " x ".join(map(str, size)), str(filters), f"{values.mean():.4g}",
            f"{values.max():.4g}", f"{(values > 0).mean():.1%}", str(silent),
        )  # fmt: skip
    console().print(listing)
    write_picture(explain.figures.feature_maps(maps), output)
