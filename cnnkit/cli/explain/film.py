"""`cnnkit explain film`: the pictures that a run drew while it trained, as a film."""

import click

from cnnkit import tensorboard
from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.explain.options import output_option
from cnnkit.cli.output import writing
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.keras_import import import_keras
from cnnkit.runs.listing import resolve


@click.command("film", cls=OneSentence)
@click.argument("run", shell_complete=complete_run)
@click.option(
    "--tag", "tags", multiple=True,
    help="A tag of TensorBoard; may be repeated.  [default: decisions, grad_cam and filters]",
)  # fmt: skip
@click.option(
    "--seconds", default=0.6, show_default=True, help="How long the film shows each epoch."
)
@output_option("film.webp", "The film to write: FILE.webp or FILE.gif.")
@runs_dir_option
@debug_option
def command(run, tags, seconds, output, runs_dir):
    """Show how RUN learnt, as a film of the pictures that Experiment(explain=Explain()) drew."""
    folder = resolve(run, runs_dir).folder
    import_keras()  # quietly, before the film imports it
    pictures = folder / "tensorboard" / "explain"
    with writing(output):
        epochs = tensorboard.film.write_film(pictures, output, tags, seconds)
    click.echo(f"Epochs   {', '.join(map(str, epochs))}\nFilm     {output}")
