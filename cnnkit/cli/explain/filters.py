"""`cnnkit explain filters`: what a convolution looks for."""

import click

from cnnkit import explain
from cnnkit.cli.explain.options import explain_command, layer_option
from cnnkit.cli.output import write_picture
from cnnkit.cli.run_inputs import load_run
from cnnkit.experiment.rebuild import dataset_of

MOST_PATCHES = 8  # filters whose patches are drawn
MOST_PREFERRED = 16  # filters for which an image is made


@explain_command("filters", takes_image=False)
@layer_option
@click.option(
    "--patches",
    is_flag=True,
    help="Draw the patches of training images that excite them most, too.",
)
@click.option("--preferred", is_flag=True, help="Draw images made to excite them most, too.")
def command(run, layer, patches, preferred, output, runs_dir):
    """Draw a layer's filters; list those that are dead, and pairs that are nearly the same."""
    from cnnkit.keras_graph import hooks  # imports Keras, which --help must not pay for

    run, model = load_run(run, runs_dir)
    pictures = explain.filters(model, layer)
    layers = hooks.innermost_layers(model).items()
    convolutions = [path for path, each in layers if "Conv" in type(each).__name__]
    path = convolutions[0] if layer is None else hooks.find_layer(model, layer)
    click.echo(f"{path}: {len(pictures)} filters of {' x '.join(map(str, pictures.shape[1:]))}")
    for one, other, cosine in explain.duplicated_filters(model, path):
        click.echo(f"Filters {one} and {other} are nearly the same: cosine {cosine:.4f}")
    write_picture(explain.figures.filters(pictures), output)
    if preferred:
        low, high = run.dataset["value_range"]
        numbers = range(min(MOST_PREFERRED, len(pictures)))
        images = explain.activation_maximisation(
            model, path, numbers, value_range=(low, high), contrast=True
        )
        figure = explain.figures.filters((images - low) / (high - low))
        write_picture(figure, output.with_name(f"{output.stem}-preferred{output.suffix}"))
    if patches:
        images = dataset_of(run).train.inputs
        top = explain.top_patches(model, images, path)
        dead = [number for number, values in enumerate(top.values) if values.max() <= 0]
        click.echo(f"Dead on {len(images):,} training images: {dead or 'none'}")
        figure = explain.figures.top_patches(top, images, range(min(MOST_PATCHES, len(pictures))))
        write_picture(figure, output.with_name(f"{output.stem}-patches{output.suffix}"))
