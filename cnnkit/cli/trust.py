"""--trust: use a run although it brings code, or has changed since it was written."""

import click

from cnnkit.runs.listing import resolve
from cnnkit.runs.run import Run

TRUST = f"{__name__}.trust"


def trust_option(command):
    """Add --trust to a command that opens a run's model or executes its experiment.py.

    Args:
        command: The click command, or the function that becomes one.

    Returns:
        The same command with the option; `named_run` looks at it.
    """

    def remember(ctx, param, value):
        ctx.meta[TRUST] = value

    return click.option(
        "--trust", is_flag=True, expose_value=False, callback=remember,
        help="Use the run's code and model even if they have changed since the run wrote them.",
    )(command)  # fmt: skip


def named_run(word: str, runs_dir: str) -> Run:
    """Return the run that a user names, trusted if --trust says so.

    Args:
        word: A run's folder, the start of its name, or "latest".
        runs_dir: Where the runs are.

    Returns:
        The run.
    """
    trust = click.get_current_context().meta.get(TRUST, False)
    return Run(resolve(word, runs_dir).folder, trust=trust)
