"""--trust: open a run's model although it brings code, or has changed since the run wrote it."""

import click

TRUST = f"{__name__}.trust"


def trust_option(command):
    """Add --trust to a command.

    Args:
        command: The click command, or the function that becomes one.

    Returns:
        The same command with the option.
    """

    def remember(ctx, param, value):
        if value:
            ctx.meta[TRUST] = True

    return click.option(
        "--trust", is_flag=True, expose_value=False, callback=remember,
        help="Open a model that brings code, or that has changed since the run wrote it.",
    )(command)  # fmt: skip


def is_trusted() -> bool:
    """Return whether the user gave --trust to the command that runs."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(TRUST))
