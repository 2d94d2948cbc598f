"""`cnnkit lr-find`: draw the loss of an experiment against the learning rate."""

from collections.abc import Callable
from pathlib import Path

import click

from cnnkit import plots, training
from cnnkit.cli.errors import debug_option
from cnnkit.cli.output import write_picture
from cnnkit.cli.run import TRUST, ChooseExperiment, RunCommand, setting_options
from cnnkit.cli.trust import trust_option
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.rebuild import build, experiment_name
from cnnkit.experiment.signature import refuse_settings
from cnnkit.keras_import import import_keras

HELP = """Draw the loss while the learning rate grows step by step, and suggest a rate.

The first word may name an experiment. Without one, it is that of `cnnkit run`.
"""


def command_of(experiment: Callable, name: str) -> click.Command:
    """Return the command that tries learning rates on an experiment.

    Args:
        experiment: The experiment's function.
        name: The command's name.

    Returns:
        A command with an option for each setting, and the options of the trial.

    Raises:
        SettingError: A setting has the name of one of the trial's options.
    """
    refuse_settings(experiment, ("lowest", "highest", "steps", "output"), "lr-find")

    def call(lowest, highest, steps, output, seed, **settings):
        _try(experiment, settings, output, seed, lowest=lowest, highest=highest, steps=steps)

    command = RunCommand(name, params=setting_options(experiment), callback=call, help=HELP)
    command.params += [
        click.Option(["--lowest"], default=1e-6, show_default=True, help="The first learning rate."),
        click.Option(["--highest"], default=1.0, show_default=True, help="The last learning rate."),
        click.Option(
            ["--steps"], default=100, show_default=True, type=click.IntRange(10),
            help="Training steps, each at a higher rate.",
        ),
        click.Option(
            ["--output"], type=click.Path(dir_okay=False, path_type=Path),
            default="learning_rate.png", show_default=True, help="The picture to write.",
        ),
        click.Option(["--seed"], type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Seed of everything random."),
    ]  # fmt: skip
    return trust_option(debug_option(command), TRUST)


def _try(experiment: Callable, settings: dict, output: Path, seed: int, **trial) -> None:
    click.echo(f"Trying learning rates on {experiment_name(experiment, settings)} ...")
    import_keras()  # quietly, before the finder imports it
    built = build(experiment, settings, seed)
    if built.data.is_of_files:
        click.echo(built.data.summary())
    rates = training.find_learning_rate(built, seed=seed, **trial)
    write_picture(plots.learning_rate_finder(rates), output)
    click.echo(f"Suggested      {rates.suggestion:.1e}, where the loss falls fastest")


_built_in = command_of(built_in_experiment, "lr-find")
command = ChooseExperiment(
    "lr-find",
    params=_built_in.params,
    callback=_built_in.callback,
    help=HELP,
    make_command=command_of,
)
