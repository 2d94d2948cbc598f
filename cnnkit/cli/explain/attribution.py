"""`cnnkit explain attribution`: which pixels a class's score comes from."""

import click

from cnnkit import explain
from cnnkit.cli.explain.options import class_option, explain_command
from cnnkit.cli.output import console, table, write_picture
from cnnkit.cli.run_inputs import load_run_image

METHODS = (
    "gradient", "smooth_grad", "integrated_gradients", "guided_backpropagation", "grad_cam",
    "grad_cam_plus_plus", "layer_cam", "score_cam", "occlusion", "rise",
)  # fmt: skip
DEFAULT_METHODS = ("gradient", "grad_cam", "occlusion")


@explain_command("attribution")
@click.option(
    "--method", "methods", multiple=True, type=click.Choice(METHODS),
    help=f"A method; may be repeated.  [default: {', '.join(DEFAULT_METHODS)}]",
)  # fmt: skip
@class_option
def command(run, image, methods, label, invert, output, runs_dir):
    """Draw where in IMAGE the score of a class comes from.

    The table rates each method. It deletes pixels, or inserts them, the most important first, and
    gives the area under the curve of the probability. A better method has a smaller deletion area
    and a larger insertion area.
    """
    run, model, pixels, title, label = load_run_image(run, runs_dir, image, label, invert=invert)
    probabilities = explain.outputs.predict_probabilities(model, pixels[None])
    label = int(explain.outputs.class_indices(label, probabilities, model)[0])
    class_name = run.dataset["class_names"][label]
    click.echo(f"{title}: {class_name} with probability {probabilities[0, label]:.4f}")
    maps = {
        method: getattr(explain, method)(model, pixels, label)
        for method in methods or DEFAULT_METHODS
    }
    listing = table("method", "deletion", "insertion", numbers=("deletion", "insertion"))
    baseline = float(run.dataset["value_range"][0])
    for method, heat in maps.items():
        areas = [
            curve(model, pixels, heat, label, baseline=baseline).areas[0]
            for curve in (explain.deletion, explain.insertion)
        ]
        listing.add_row(method, *(f"{area:.3f}" for area in areas))
    console().print(listing)
    drawn = {method: heat[None] for method, heat in maps.items()}
    write_picture(explain.figures.heat_maps(pixels[None], drawn, [f"why {class_name}?"]), output)
