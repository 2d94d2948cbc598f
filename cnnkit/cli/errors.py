"""One clear sentence for every mistake; the traceback only with --debug."""

import traceback

import click

from cnnkit.errors import CnnkitError, TrainingError, origin_of

DEBUG = f"{__name__}.debug"


class Sentence(click.ClickException):
    """What a user reads of an exception."""

    def __init__(self, message: str, exit_code: int):
        super().__init__(message)
        self.exit_code = exit_code


class OneSentence(click.Command):
    """A command, mixed in before click's class, whose exceptions become one sentence each.

    Exit status: 2 for what the user can put right, 128 + N after signal N, 1 for all else.
    """

    def invoke(self, ctx: click.Context):
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as error:
            click.echo(f"\nInterrupted: {error or 'stopped by the keyboard'}.", err=True)
            for note in getattr(error, "__notes__", ()):
                click.echo(note, err=True)
            ctx.exit(128 + getattr(error, "signal_number", 2))
        except Exception as error:
            if ctx.meta.get(DEBUG):
                traceback.print_exc()
            known = isinstance(error, CnnkitError)
            status = 2 if known and not isinstance(error, TrainingError) else 1
            message = str(error) if known else f"{_describe(error)}; --debug shows the whole way."
            raise Sentence(message, status) from error


def debug_option(command):
    """Add --debug to a command."""

    def note(ctx, param, value):
        if value:
            ctx.meta[DEBUG] = True

    return click.option(
        "--debug", is_flag=True, expose_value=False, callback=note, is_eager=True,
        help="Show a mistake with its traceback.",
    )(command)  # fmt: skip


def _describe(error: BaseException) -> str:
    text = " ".join(str(error).split())
    origin = origin_of(error)
    return f"{type(error).__name__}: {text}" + (f" ({origin})" if origin else "")
