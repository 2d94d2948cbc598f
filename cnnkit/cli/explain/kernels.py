"""`cnnkit explain robustness`, `film`, `kernels`: of many images, many epochs, or no network."""

from pathlib import Path

import click

from cnnkit import keras_import
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.run_images import model_of, write_picture
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.screen import console, table
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.experiment.rebuild import dataset_of


@click.command("robustness", cls=OneSentence)
@click.argument("runs", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--change", "changes", multiple=True, metavar="NAME", help="[default: all]")
@click.option(
    "--samples", default=500, show_default=True, type=click.IntRange(1), help="Test images taken."
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default="robustness.png",
    show_default=True, help="The picture.",
)  # fmt: skip
@runs_dir_option
@debug_option
def robustness(runs, changes, samples, output, runs_dir):
    """Compare runs on changed test images: shifted, turned, scaled, grey, blurred, noisy, covered."""
    opened = [model_of(word, runs_dir) for word in runs]
    from cnnkit import explain
    from cnnkit.explain import figures

    responses, consistency = {}, {}
    for run, model in opened:
        dataset = dataset_of(run)
        images, labels = dataset.test.inputs[:samples], dataset.test.labels[:samples]
        responses[run.name] = explain.robustness(
            model, images, labels, perturbations=changes or None, value_range=dataset.value_range
        )
        consistency[run.name] = explain.shift_consistency(model, images)
    listing = table("change", "amount", *responses, numbers=("amount", *responses))
    for name, response in next(iter(responses.values())).items():
        for row, amount in enumerate(response.amounts):
            accuracies = [
                found[name].accuracy[row] for found in responses.values() if name in found
            ]
            listing.add_row(name, f"{amount:g}", *(f"{accuracy:.1%}" for accuracy in accuracies))
    listing.add_row("same class after two shifts", "", *(f"{c:.1%}" for c in consistency.values()))
    console().print(listing)
    write_picture(figures.robustness(responses), output)


@click.command("film", cls=OneSentence)
@click.argument("run", shell_complete=complete_run)
@click.option("--tag", "tags", multiple=True, help="[default: decisions, grad_cam and filters]")
@click.option("--seconds", default=0.6, show_default=True, help="An epoch is shown.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default="film.webp",
    show_default=True, help="FILE.webp or FILE.gif.",
)  # fmt: skip
@runs_dir_option
@debug_option
def film(run, tags, seconds, output, runs_dir):
    """Show how RUN learnt, as a film of the pictures that Experiment(explain=Explain()) drew."""
    from cnnkit.runs import resolve

    found = resolve(run, runs_dir)
    keras_import.import_keras()
    from cnnkit.tensorboard import film as films

    epochs = films.write_film(found.folder / "tensorboard" / "explain", output, tags, seconds)
    click.echo(f"Epochs   {', '.join(map(str, epochs))}\nFilm     {output}")


@click.command("kernels", cls=OneSentence)
@click.argument("image")
@click.option("--kernel", "names", multiple=True, help="[default: all]")
@click.option("--stride", default=1, show_default=True, type=click.IntRange(1))
@click.option("--padding", type=click.Choice(["same", "valid"]), default="same", show_default=True)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default="kernels.png",
    show_default=True, help="The picture.",
)  # fmt: skip
@debug_option
def kernels(image, names, stride, padding, output):
    """Lay classic kernels on IMAGE, an image file, as a network's first layer does; needs no run."""
    keras_import.import_keras()
    import io

    import numpy as np
    from PIL import Image

    from cnnkit.data.images.decode import BadImage, decode, read
    from cnnkit.explain import figures, kernels as fixed

    for name in names:
        if name not in fixed.KERNELS:
            raise UnknownNameError("kernel", name, fixed.KERNELS)
    try:
        content = read(image)
        width, height = Image.open(io.BytesIO(content)).size
        shrunk = min(1, 512 / max(width, height))
        size = max(1, round(height * shrunk)), max(1, round(width * shrunk))
        pixels = decode(content, size, channels=1)[..., 0].astype("float32")
    except (BadImage, OSError) as error:
        raise SettingError(f"{image} cannot be read as an image: {error}.") from error
    answers = {
        name: fixed.apply(name, pixels, padding=padding, strides=stride)
        for name in names or fixed.KERNELS
    }
    listing = table(
        "kernel", "size", "least", "greatest", "mean size", numbers=("least", "greatest")
    )
    for name, values in answers.items():
        size = " x ".join(map(str, values.shape))
        numbers = (values.min(), values.max(), np.abs(values).mean())
        listing.add_row(name, size, *(f"{number:.1f}" for number in numbers))
    console().print(listing)
    write_picture(figures.kernel_responses(pixels, answers), output)
