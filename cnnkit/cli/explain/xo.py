"""`cnnkit explain xo`: how a network made by hand tells an X from an O."""

from pathlib import Path

import click
import numpy as np

from cnnkit import data, explain
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.explain.options import output_option
from cnnkit.cli.output import write_picture
from cnnkit.keras_import import import_keras

PICTURES = {"x": "X", "o": "O", "deformed": "DEFORMED_X"}
HEADINGS = {
    "match": "1. Match: lay each feature on each patch; the mean of the nine products, in ninths",
    "relu": "2. ReLU: what is negative becomes 0",
    "pool": "3. Pool: keep the best of each 2 x 2 patch",
    "pool_again": "4. Pool again",
}


@click.command("xo", cls=OneSentence)
@click.argument("picture", default="x")
@output_option("xo.png")
@debug_option
def command(picture, output):
    """Tell the story of the X and the O: a tiny network by hand, number by number. No run needed.

    PICTURE is "x", "o", "deformed" (an X with bent arms), or an image file of your own drawing, which
    is brought to 9 x 9 pixels.
    """
    import_keras()  # quietly, before the story imports it
    xo = explain.xo
    if picture.lower() in PICTURES and not Path(picture).is_file():
        pixels = getattr(xo, PICTURES[picture.lower()])
    else:
        pixels = _own_drawing(xo, picture)
    story = xo.story(pixels)
    click.echo("The picture, 9 x 9 pixels: # is 1, . is -1")
    click.echo("\n".join(f"  {line}" for line in _drawn(story.picture)))
    click.echo(f"\nThree features of 3 x 3 pixels: {', '.join(xo.FEATURES)}")
    _print_beside([_drawn(feature) for feature in xo.FEATURES.values()])
    for step, heading in HEADINGS.items():
        click.echo(f"\n{heading}")
        maps = story.maps[step]
        _print_beside([_numbers(maps[..., index]) for index in range(maps.shape[-1])])
    click.echo(
        "\n5. List the numbers of the small maps, and let each class take the mean of its own"
    )
    for name, vote in story.votes.items():
        ninths = " ".join(str(story.listed[place]) for place in xo.WIRED[name])
        click.echo(f"  {name}: mean of {ninths} ninths = {vote:.3f}")
    click.echo(f"\nThe answer is {story.answer}.")
    alike = ", ".join(f"{match:+.3f} like the {name}" for name, match in story.whole.items())
    nearer = max(story.whole, key=lambda name: story.whole[name])
    click.echo(f"Pixel by pixel, without features: {alike}. That would say {nearer}.")
    write_picture(explain.figures.xo_story(story), output)


def _own_drawing(xo, path: str) -> np.ndarray:
    """Return a drawing as 9 x 9 pixels of -1 and 1, and say what was done to it."""
    ideal = data.Split(np.stack([xo.X, xo.O]), np.arange(2))
    like = data.Dataset(
        name="X and O by hand", train=ideal, validation=ideal, test=ideal,
        class_names=xo.CLASS_NAMES, value_range=(-1, 1),
    )  # fmt: skip
    drawing = data.prepare_drawing(path, like)
    click.echo(f"{path}: {drawing}\nA pixel that is more white than black becomes 1.\n")
    return np.where(drawing.pixels > 0, 1, -1).astype("float32")


def _drawn(values: np.ndarray) -> list[str]:
    return ["".join("#" if value > 0 else "." for value in row) for row in values]


def _numbers(values: np.ndarray) -> list[str]:
    return [" ".join(f"{value:2d}" for value in row) for row in values]


def _print_beside(blocks: list[list[str]]) -> None:
    for lines in zip(*blocks, strict=True):
        click.echo("  " + "     ".join(lines))
