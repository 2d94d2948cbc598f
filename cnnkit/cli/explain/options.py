"""The arguments and options that the commands of `cnnkit explain` share."""

from collections.abc import Callable
from pathlib import Path

import click

from cnnkit.cli.errors import OneSentence, debug_option
from cnnkit.cli.runs import complete_run, runs_dir_option
from cnnkit.cli.trust import trust_option

layer_option = click.option("--layer", help="A layer, by name or path.")
invert_option = click.option(
    "--invert", is_flag=True,
    help="Exchange black and white, as for a dark drawing on white where the network knows the opposite.",
)  # fmt: skip
class_option = click.option(
    "--class", "label", metavar="CLASS",
    help="A class, by name or number.  [default: the predicted class]",
)  # fmt: skip


def output_option(default: str, help: str = "The picture to write.") -> Callable:
    """Return the option --output, a file.

    Args:
        default: The file's name unless the user gives another.
        help: What --help says of it.

    Returns:
        A decorator of commands.
    """
    return click.option(
        "--output", type=click.Path(dir_okay=False, path_type=Path), default=default,
        show_default=True, help=help,
    )  # fmt: skip


def explain_command(name: str, *, takes_image: bool = True) -> Callable:
    """Return a decorator that makes a command of RUN, with --output, --runs-dir, --trust and --debug.

    Args:
        name: The command's name, and that of the picture.
        takes_image: Whether the command has the argument IMAGE and the option --invert, too.

    Returns:
        A decorator of functions.
    """

    def decorate(function: Callable) -> click.Command:
        function = runs_dir_option(output_option(f"{name}.png")(function))
        function = debug_option(trust_option(function))
        if takes_image:
            function = invert_option(function)
            function = click.argument("image")(function)
        function = click.argument("run", shell_complete=complete_run)(function)
        return click.command(name, cls=OneSentence)(function)

    return decorate
