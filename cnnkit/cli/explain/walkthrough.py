"""`cnnkit explain walkthrough`: one image through the network, number by number."""

import click

from cnnkit import explain
from cnnkit.cli.explain.options import class_option, explain_command, layer_option
from cnnkit.cli.output import console, table, write_picture
from cnnkit.cli.run_inputs import load_run_image


@explain_command("walkthrough")
@layer_option
@click.option(
    "--filter", type=int, help="A filter of the layer.  [default: the one that responds most]"
)
@click.option(
    "--position", type=int, nargs=2, help="Row and column in the feature map of the filter."
)
@class_option
@click.option(
    "--learning-rate", default=0.01, show_default=True, help="Learning rate of the training step."
)
def command(run, image, layer, filter, position, label, learning_rate, invert, output, runs_dir):
    """Follow IMAGE through the network number by number, and through one training step."""
    run, model, pixels, _, label = load_run_image(run, runs_dir, image, label, invert=invert)
    walk = explain.walkthrough(
        model, pixels, label=label, layer=layer, filter_index=filter, position=position or None,
        learning_rate=learning_rate,
    )  # fmt: skip
    names = run.dataset["class_names"]
    _print_steps(walk.steps)
    unit = walk.unit
    click.echo(
        f"{unit.layer}, filter {unit.filter_index} at {unit.position}: products {unit.weighted_sum:.6g} + bias "
        f"{unit.bias:.6g} = {unit.pre_activation:.6g}, {unit.activation}: {unit.value:.6g}"
    )
    for index in (-walk.probabilities).argsort()[:3]:
        click.echo(f"{names[index]:>12}  {walk.probabilities[index]:.4f}")
    click.echo(
        f"Loss for {names[walk.label]}: {walk.loss:.6g}; {walk.gradient_step.loss_after:.6g} after one step."
    )
    write_picture(explain.figures.walkthrough(walk, names), output)


def _print_steps(steps) -> None:
    numbers = ("least", "greatest", "NumPy differs by")
    listing = table("layer", "kind", "output", *numbers, numbers=numbers)
    for step in steps:
        error = "" if step.error is None else f"{step.error:.0e}"
        listing.add_row(
            step.path, step.kind, " x ".join(map(str, step.output.shape)),
            f"{step.output.min():.4g}", f"{step.output.max():.4g}", error,
        )  # fmt: skip
    console().print(listing)
