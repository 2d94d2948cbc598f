"""--trust: use a run although it brings code, or has changed since it was written."""

import click

from cnnkit.runs.listing import resolve
from cnnkit.runs.run import Run
from cnnkit.runs.trusting import is_trusting, trusting

OF_A_RUN = "Use the run's code and model even if they have changed since the run wrote them."


def trust_option(command, text: str = OF_A_RUN):
    """Add --trust to a command that opens a run's model or executes its experiment.py.

    Args:
        command: The click command, or the function that becomes one.
        text: What --help says.

    Returns:
        The same command with the option; with it, every run that the command opens is trusted.
    """

    def trust(ctx, param, value):
        ctx.with_resource(trusting(value))

    return click.option("--trust", is_flag=True, expose_value=False, callback=trust, help=text)(
        command
    )


def named_run(word: str, runs_dir: str) -> Run:
    """Return the run that a user names, trusted if --trust says so.

    Args:
        word: A run's folder, the start of its name, or "latest".
        runs_dir: Where the runs are.

    Returns:
        The run.
    """
    return resolve(word, runs_dir)


def is_trusted() -> bool:
    """Return whether the user gave --trust to the command that runs."""
    return is_trusting()
