"""`cnnkit models`: list the networks, or show one layer by layer."""

from pathlib import Path

import click

from cnnkit import explain, models
from cnnkit.cli.completion import completing
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.output import console, table, write_picture
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.keras_import import import_keras

BATCH = 32  # images, for the memory of activations


def _shape(ctx, param, text):
    if text is None:
        return None
    try:
        shape = tuple(int(size) for size in text.split("x"))
    except ValueError:
        shape = ()
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise click.BadParameter(f"{text!r} is not a shape such as 64x64x3 or, for 1-D, 8000x1.")
    return shape


@click.command(cls=OneSentence)
@click.argument("pattern", default="*", shell_complete=completing(models.names))
@click.option(
    "--input",
    "image_shape",
    callback=_shape,
    help="Show one network for images of this shape: 64x64x3.",
)
@click.option("--classes", type=click.IntRange(min=1), help="Classes of the network to show.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw one network: FILE.png or FILE.svg.",
)
@debug_option
def command(pattern, image_shape, classes, plot):
    """List the networks whose names match PATTERN, or show one layer by layer.

    With --input, --classes or --plot, PATTERN names one network.
    """
    if image_shape or classes or plot:
        _show(pattern, image_shape, classes, plot)
        return
    names = models.names(pattern)
    if not names:
        raise UnknownNameError("model", pattern, models.names())
    numbers = ("classes", "parameters", "multiply-adds")
    listing = table("model", "input", *numbers, "source", numbers=numbers)
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


def _show(name: str, image_shape: tuple | None, classes: int | None, plot: Path | None) -> None:
    models.entry(name)  # refuses an unknown name before Keras is imported
    if plot and plot.suffix not in (".png", ".svg"):
        raise SettingError(f"--plot draws to FILE.png or FILE.svg, not to {plot.name!r}.")
    import_keras()  # quietly
    anatomy = models.anatomy(name, image_shape, classes)
    if plot:
        write_picture(explain.figures.architecture(anatomy), plot)
    else:
        _print(anatomy)


def _print(anatomy) -> None:
    numbers = ("parameters", "multiply-adds", "sees", "step", "centre", f"MiB at {BATCH}")
    listing = table("layer", "kind", "output", *numbers, numbers=numbers)
    for row in anatomy.rows:
        part = None if row.field is None or row.field.whole else row.field
        listing.add_row(
            row.name,
            row.kind,
            _times(row.output_shape),
            f"{row.parameters:,}",
            _number(row.multiply_adds),
            _times(part.size) if part else "all" if row.field else "",
            _times(part.stride) if part else "",
            _times(part.centre) if part else "",
            _mebibytes(row.activation_bytes(BATCH)),
        )
    listing.add_section()
    total = f"{anatomy.parameters:,}", _number(anatomy.multiply_adds), "", "", ""
    listing.add_row("total", "", "", *total, _mebibytes(anatomy.activation_bytes(BATCH)))
    console().print(listing)


def _times(sizes: tuple) -> str:
    return " x ".join("any" if size is None else str(size) for size in sizes)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _mebibytes(value: int | None) -> str:
    return "" if value is None else f"{value / 2**20:,.2f}"
