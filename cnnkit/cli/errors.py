"""Errors as a user of the command line reads them: one sentence, and a traceback with --debug."""

import traceback

import click

from cnnkit.cli.encoding import print_in_any_encoding
from cnnkit.errors import CnnkitError, TrainingError, origin_of

DEBUG = f"{__name__}.debug"


class UserError(click.ClickException):
    """An error as it is printed.

    Args:
        message: The sentence.
        exit_code: The exit status of the command.
    """

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click's own documents do the same


class OneSentence(click.Command):
    """A command that prints one sentence for each exception; put it before click's own class.

    The exit status is 2 for what the user can put right, 128 + N after signal N, and else 1.
    """

    def main(self, *arguments, **options):
        """Run the command as a program."""
        print_in_any_encoding()  # before --help or an error may be printed
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context):
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click ends quietly where a reader, such as `head`, has seen enough
        except KeyboardInterrupt as error:
            click.echo(f"\nInterrupted: {error or 'stopped by the keyboard'}.", err=True)
            for note in getattr(error, "__notes__", ()):
                click.echo(note, err=True)
            ctx.exit(128 + getattr(error, "signal_number", 2))
        except Exception as error:
            if ctx.meta.get(DEBUG):
                traceback.print_exc()
            is_known = isinstance(error, CnnkitError)
            status = 2 if is_known and not isinstance(error, TrainingError) else 1
            message = (
                str(error) if is_known else f"{_describe(error)}; --debug shows the traceback."
            )
            raise UserError(message, status) from error


class OneSentenceGroup(OneSentence, click.Group):
    """A group of commands that prints one sentence for each exception."""


def debug_option(command):
    """Add --debug to a command.

    Args:
        command: The click command, or the function that becomes one.

    Returns:
        The same command with the option.
    """

    def remember(ctx, param, value):
        if value:
            ctx.meta[DEBUG] = True

    return click.option(
        "--debug", is_flag=True, expose_value=False, callback=remember, is_eager=True,
        help="Show the traceback of an error.",
    )(command)  # fmt: skip


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())
    origin = origin_of(error)
    return f"{type(error).__name__}: {text}" + (f" ({origin})" if origin else "")
