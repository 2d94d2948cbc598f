"""`cnnkit lr-find`: the loss of an experiment against the learning rate, drawn."""

from collections.abc import Callable
from pathlib import Path

import click

from cnnkit import keras_import
from cnnkit.cli.errors import debug_option
from cnnkit.cli.run import ChooseExperiment, RunCommand, settings_of
from cnnkit.cli.run_images import write_picture
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.rebuild import build, experiment_name
from cnnkit.experiment.signature import refuse_settings

HELP = """Draw the loss against a learning rate that grows step by step, and suggest a rate.

The first word names an experiment; without one it is the built-in one of `cnnkit run`.
"""


def command_of(experiment: Callable, name: str) -> click.Command:
    """Return the command line of a trial: the experiment's settings, and the trial's own."""

    refuse_settings(experiment, ("lowest", "highest", "steps", "output"), "lr-find")

    def call(lowest, highest, steps, output, seed, **settings):
        _try(experiment, settings, output, seed, lowest=lowest, highest=highest, steps=steps)

    command = RunCommand(name, params=settings_of(experiment), callback=call, help=HELP)
    command.params += [
        click.Option(["--lowest"], default=1e-6, show_default=True, help="The first rate."),
        click.Option(["--highest"], default=1.0, show_default=True, help="The last rate."),
        click.Option(
            ["--steps"], default=100, show_default=True, type=click.IntRange(10),
            help="Batches, each at a higher rate.",
        ),
        click.Option(
            ["--output"], type=click.Path(dir_okay=False, path_type=Path),
            default="learning_rate.png", show_default=True, help="The picture.",
        ),
        click.Option(["--seed"], type=click.IntRange(0, 2**32 - 1), default=0, show_default=True),
    ]  # fmt: skip
    return debug_option(command)


def _try(experiment: Callable, settings: dict, output: Path, seed: int, **trial) -> None:
    click.echo(f"Trying learning rates on {experiment_name(experiment, settings)} ...")
    keras_import.import_keras()
    from cnnkit import plots
    from cnnkit.training.rate_finder import find_learning_rate

    found = find_learning_rate(build(experiment, settings, seed), seed=seed, **trial)
    write_picture(plots.learning_rate_finder(found), output)
    click.echo(f"Suggested      {found.suggestion:.1e}, where the loss falls fastest")


_built_in = command_of(built_in_experiment, "lr-find")
command = ChooseExperiment(
    "lr-find", params=_built_in.params, callback=_built_in.callback, help=HELP, of=command_of
)
