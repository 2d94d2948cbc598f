"""`cnnkit explain kernels`: classic kernels on a photo."""

import io

import click
import numpy as np
from PIL import Image

from cnnkit import explain
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.explain.options import output_option
from cnnkit.cli.output import console, table, write_picture
from cnnkit.data.images.decode import decode, read
from cnnkit.errors import BadImage, SettingError, UnknownNameError
from cnnkit.keras_import import import_keras

LONGEST_SIDE = 512  # pixels, to which larger images are shrunk


@click.command("kernels", cls=OneSentence)
@click.argument("image")
@click.option(
    "--kernel", "names", multiple=True, help="A kernel's name; may be repeated.  [default: all]"
)
@click.option(
    "--stride",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Pixels from one to next.",
)
@click.option(
    "--padding", type=click.Choice(["same", "valid"]), default="same", show_default=True,
    help="What happens at the border, as in Keras.",
)  # fmt: skip
@output_option("kernels.png")
@debug_option
def command(image, names, stride, padding, output):
    """Convolve IMAGE, a file, with classic kernels as a network's first layer does. No run needed."""
    import_keras()  # quietly, before the kernels import it
    kernels = explain.kernels
    for name in names:
        if name not in kernels.KERNELS:
            raise UnknownNameError("kernel", name, kernels.KERNELS)
    pixels = _grey_pixels(image)
    answers = {
        name: kernels.apply(name, pixels, padding=padding, strides=stride)
        for name in names or kernels.KERNELS
    }
    listing = table(
        "kernel", "size", "least", "greatest", "mean size", numbers=("least", "greatest")
    )
    for name, values in answers.items():
        size = " x ".join(map(str, values.shape))
        numbers = (values.min(), values.max(), np.abs(values).mean())
        listing.add_row(name, size, *(f"{number:.1f}" for number in numbers))
    console().print(listing)
    sums = {
        name: _sum_at_the_strongest(name, pixels, values, padding, stride)
        for name, values in answers.items()
    }
    for name in names:
        position, patch = sums[name]
        products = " ".join(
            f"{weight:+.4g} x {pixel:.0f}"
            for weight, pixel in zip(kernels.KERNELS[name].flat, patch.flat, strict=True)
        )
        click.echo(f"{name} at {position}: {products} = {answers[name][position]:.4g}")
    figure = explain.figures.kernel_responses(pixels, answers, kernels.KERNELS, sums)
    write_picture(figure, output)


def _sum_at_the_strongest(name, pixels, values, padding: str, stride: int) -> tuple:
    """Return the place of the strongest answer whose patch lies inside the image, and that patch."""
    strength = np.abs(values)
    if padding == "same" and min(values.shape) > 2:  # the border reads padding
        strength = np.pad(strength[1:-1, 1:-1], 1, constant_values=-1)
    row, column = np.unravel_index(strength.argmax(), values.shape)
    position = int(row), int(column)
    patch = explain.kernels.patch_under(name, pixels, position, padding=padding, strides=stride)
    return position, patch


def _grey_pixels(path: str) -> np.ndarray:
    try:
        content = read(path)
        width, height = Image.open(io.BytesIO(content)).size
        shrunk = min(1, LONGEST_SIDE / max(width, height))
        size = max(1, round(height * shrunk)), max(1, round(width * shrunk))
        return decode(content, size, channels=1)[..., 0].astype("float32")
    except (BadImage, OSError) as error:
        raise SettingError(f"{path} cannot be read as an image: {error}.") from error
