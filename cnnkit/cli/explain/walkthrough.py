"""`cnnkit explain`: what a run's network sees in an image, as a picture and a table of numbers."""

from pathlib import Path

import click

from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.explain_sets import film, kernels, robustness
from cnnkit.cli.run_images import model_of, opened, write_picture
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.screen import console, table
from cnnkit.errors import SettingError
from cnnkit.experiment.rebuild import dataset_of

METHODS = (
    "gradient", "smooth_grad", "integrated_gradients", "guided_backpropagation", "grad_cam",
    "grad_cam_plus_plus", "layer_cam", "score_cam", "occlusion", "rise",
)  # fmt: skip
USUAL = ("gradient", "grad_cam", "occlusion")
MOST_PATCHES = 8  # filters whose patches are drawn
MOST_PREFERRED = 16  # filters for which an image is made


class Group(OneSentence, click.Group):
    """A group whose mistakes are one sentence each."""


@click.group(cls=Group)
@debug_option
def command():
    """See what a run's network sees: each view is a PNG file and a table.

    RUN is a run's folder, the start of its name, or "latest". IMAGE is an image file, or one of
    the run's own images such as test:0.
    """


def _view(name: str, image: bool = True):
    """Return what makes a view of a function: RUN, IMAGE, --output, --runs-dir, --debug."""

    def made(function):
        output = click.option(
            "--output", type=click.Path(dir_okay=False, path_type=Path), default=f"{name}.png",
            show_default=True, help="The picture.",
        )  # fmt: skip
        function = debug_option(runs_dir_option(output(function)))
        if image:
            function = click.argument("image")(function)
        function = click.argument("run", shell_complete=complete_run)(function)
        return command.command(name, cls=OneSentence)(function)

    return made


layer_option = click.option("--layer", help="A layer, by name or path.")
class_option = click.option(
    "--class",
    "label",
    metavar="CLASS",
    help="A class, by name or number.  [default: the predicted]",
)


@_view("walkthrough")
@layer_option
@click.option("--filter", type=int, help="Of the layer.  [default: where it answers most]")
@click.option("--position", type=int, nargs=2, help="Row and column in the filter's map.")
@class_option
@click.option("--learning-rate", default=0.01, show_default=True, help="Of the one step back.")
def walkthrough(run, image, layer, filter, position, label, learning_rate, output, runs_dir):
    """Follow IMAGE through the network number by number, and one step back."""
    run, model, pixels, _, label = opened(run, runs_dir, image, label)
    from cnnkit import explain
    from cnnkit.explain import figures

    walk = explain.walkthrough(
        model, pixels, label=label, layer=layer, filter_index=filter, position=position or None,
        learning_rate=learning_rate,
    )  # fmt: skip
    names = run.dataset["class_names"]
    numbers = ("least", "greatest", "NumPy differs by")
    listing = table("layer", "kind", "output", *numbers, numbers=numbers)
    for step in walk.steps:
        error = "" if step.error is None else f"{step.error:.0e}"
        listing.add_row(
            step.path, step.kind, " x ".join(map(str, step.output.shape)),
            f"{step.output.min():.4g}", f"{step.output.max():.4g}", error,
        )  # fmt: skip
    console().print(listing)
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
    write_picture(figures.walkthrough(walk, names), output)


@_view("features")
@click.option("--layer", "layers", multiple=True, help="A layer.  [default: one a resolution]")
def features(run, image, layers, output, runs_dir):
    """Draw what the layers answer to IMAGE."""
    run, model, pixels, *_ = opened(run, runs_dir, image)
    from cnnkit import explain
    from cnnkit.explain import figures

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
    write_picture(figures.feature_maps(maps), output)


@_view("fields")
def fields(run, image, output, runs_dir):
    """Draw what one unit of each layer sees of IMAGE: the receptive fields."""
    run, model, pixels, *_ = opened(run, runs_dir, image)
    from cnnkit import models
    from cnnkit.explain import figures

    found, seen = {}, set()
    numbers = ("sees", "step")
    listing = table("layer", "kind", *numbers, numbers=numbers)
    for row in models.anatomy(model).rows:
        field = row.field
        if field is None or field.whole or field.size in seen or max(field.size) == 1:
            continue
        seen.add(field.size)
        found[row.name] = field
        sizes = (" x ".join(map(str, pair)) for pair in (field.size, field.stride))
        listing.add_row(row.name, row.kind, *sizes)
    if not found:
        raise SettingError(f"No layer of {run.name} sees a part of the image alone.")
    console().print(listing)
    fewer = dict(list(found.items())[:: -(-len(found) // 7)])  # as many as there are colours
    write_picture(figures.receptive_fields(pixels, fewer), output)


@_view("filters", image=False)
@layer_option
@click.option("--patches", is_flag=True, help="Add what of the training images excites them most.")
@click.option("--preferred", is_flag=True, help="Add images made to excite them most.")
def filters(run, layer, patches, preferred, output, runs_dir):
    """Draw a layer's filters; list those that are dead, and pairs that are nearly the same."""
    run, model = model_of(run, runs_dir)
    from cnnkit import explain
    from cnnkit.explain import figures
    from cnnkit.keras_graph import hooks

    pictures = explain.filters(model, layer)
    convolutions = [
        path
        for path, found in hooks.innermost_layers(model).items()
        if "Conv" in type(found).__name__
    ]
    path = convolutions[0] if layer is None else hooks.find_layer(model, layer)
    click.echo(f"{path}: {len(pictures)} filters of {' x '.join(map(str, pictures.shape[1:]))}")
    for one, other, cosine in explain.duplicated_filters(model, path):
        click.echo(f"Filters {one} and {other} are nearly the same: cosine {cosine:.4f}")
    write_picture(figures.filters(pictures), output)
    if preferred:
        low, high = run.dataset["value_range"]
        shown = range(min(MOST_PREFERRED, len(pictures)))
        made = explain.activation_maximisation(model, path, shown, value_range=(low, high))
        figure = figures.filters((made - low) / (high - low))
        write_picture(figure, output.with_name(f"{output.stem}-preferred{output.suffix}"))
    if patches:
        images = dataset_of(run).train.inputs
        found = explain.top_patches(model, images, path)
        dead = [number for number, values in enumerate(found.values) if values.max() <= 0]
        click.echo(f"Dead on {len(images):,} training images: {dead or 'none'}")
        shown = range(min(MOST_PATCHES, len(pictures)))
        figure = figures.top_patches(found, images, shown)
        write_picture(figure, output.with_name(f"{output.stem}-patches{output.suffix}"))


@_view("attribution")
@click.option(
    "--method", "methods", multiple=True, type=click.Choice(METHODS),
    help=f"As often as you like.  [default: {', '.join(USUAL)}]",
)  # fmt: skip
@class_option
def attribution(run, image, methods, label, output, runs_dir):
    """Draw where in IMAGE a class's score comes from.

    The table gives the area under the probability's curve as pixels are deleted, or put there, most
    important first: of two methods, the better has the smaller and the larger.
    """
    run, model, pixels, name, label = opened(run, runs_dir, image, label)
    from cnnkit import explain
    from cnnkit.explain import figures
    from cnnkit.explain.outputs import class_indices, predict_probabilities

    predicted = predict_probabilities(model, pixels[None])
    label = int(class_indices(label, predicted, model)[0])
    chosen = run.dataset["class_names"][label]
    click.echo(f"{name}: {chosen} with probability {predicted[0, label]:.4f}")
    maps = {way: getattr(explain, way)(model, pixels, label) for way in methods or USUAL}
    listing = table("method", "deletion", "insertion", numbers=("deletion", "insertion"))
    nothing = float(run.dataset["value_range"][0])
    for way, heat in maps.items():
        areas = [
            curve(model, pixels, heat, label, baseline=nothing).areas[0]
            for curve in (explain.deletion, explain.insertion)
        ]
        listing.add_row(way, *(f"{area:.3f}" for area in areas))
    console().print(listing)
    drawn = {way: heat[None] for way, heat in maps.items()}
    write_picture(figures.heat_maps(pixels[None], drawn, [f"why {chosen}?"]), output)


# These take no image of a run's.
command.add_command(robustness)
command.add_command(film)
command.add_command(kernels)
