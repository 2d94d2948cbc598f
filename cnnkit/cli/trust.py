"""--trust: use a run although it brings code, or has changed since it was written."""

import click

from cnnkit.runs.trusting import trusting

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
