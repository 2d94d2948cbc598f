"""Read the settings of an experiment from its function, and make command-line options of them."""

import ast
import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import click

from cnnkit.errors import SettingError

# These settings mean the same in every experiment, and so have the same range.
RANGES = {
    "epochs": click.IntRange(min=1),
    "batch_size": click.IntRange(min=1),
    "learning_rate": click.FloatRange(min=0, min_open=True),
    "label_smoothing": click.FloatRange(0, 1),
}

# What `cnnkit.run`, `cnnkit.resume` and their command lines take for themselves. `seed` is shared.
RESERVED = frozenset(
    {
        "allow_changes", "checkpoint_minutes", "checkpoint_steps", "debug", "experiment", "help",
        "name", "precision", "resume", "run", "runs_dir",
    }
)  # fmt: skip


def name_of(function: Callable) -> str:
    """Return an experiment's name.

    Args:
        function: The experiment's function.

    Returns:
        The name of its file if the function is called `experiment`, else the function's own.
    """
    if function.__name__ != "experiment":
        return function.__name__
    file = Path(inspect.getsourcefile(function) or "")
    return file.stem if file.suffix == ".py" and file.stem.isidentifier() else "experiment"


def summary_of(function: Callable) -> str:
    """Return the first paragraph of a function's docstring as one line.

    Args:
        function: The experiment's function.

    Returns:
        The text.
    """
    return _summary(inspect.getdoc(function))


def defaults_of(function: Callable) -> dict[str, object]:
    """Return the default of each setting.

    Args:
        function: The experiment's function.

    Returns:
        The defaults by name.

    Raises:
        SettingError: A setting has no default, or a reserved name.
    """
    return {name: parameter.default for name, parameter in _settings(function).items()}


def options_of(
    function: Callable, completions: Mapping[str, Callable] | None = None
) -> list[click.Option]:
    """Return a click option for each setting.

    The type comes from the annotation, or else from the default. A bool becomes --flag/--no-flag, a
    Literal a choice, and `tuple[int, ...]` numbers separated by commas. A dict `things` becomes
    `--thing KEY=VALUE`, which may be repeated. The help comes from `Args:` in the docstring.

    Args:
        function: The experiment's function.
        completions: What click calls to complete a setting in the shell, by its name.

    Returns:
        The options, in the order of the signature.

    Raises:
        SettingError: A setting has no default, or a reserved name.
    """
    helps = _argument_helps(inspect.getdoc(function) or "")
    hints = typing.get_type_hints(function)
    options = []
    for name, parameter in _settings(function).items():
        extra = {"help": helps.get(name), "shell_complete": (completions or {}).get(name)}
        hint = hints.get(name, type(parameter.default))
        options.append(_option(name, hint, parameter.default, extra))
    return options


def refuse_settings(function: Callable, names: Collection[str], owner: str) -> None:
    """Refuse an experiment whose settings have the names of a command's own options.

    Args:
        function: The experiment's function.
        names: The names that are taken.
        owner: What they are options of, for the message.

    Raises:
        SettingError: A setting has one of the names.
    """
    for name in inspect.signature(function).parameters:
        if name in names:
            raise SettingError(
                f"The setting {name!r} of the experiment {name_of(function)!r} has the name of an "
                f"option of {owner}; give the setting another name."
            )


def read_source(path: Path, function: str = "experiment") -> tuple[str, list[str]]:
    """Read an experiment's summary and settings from its file, without importing it.

    Args:
        path: The file.
        function: The function's name.

    Returns:
        The first paragraph of the docstring, and the names of the settings.

    Raises:
        SettingError: The file is not Python, or has no such function.
    """
    try:
        tree = ast.parse(Path(path).read_text())
    except (OSError, ValueError, SyntaxError) as error:
        raise SettingError(f"{path} cannot be read as Python: {error}") from None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            arguments = [*node.args.args, *node.args.kwonlyargs]
            return _summary(ast.get_docstring(node)), [argument.arg for argument in arguments]
    raise SettingError(f"{path} has no function named {function!r}.")


class _Numbers(click.ParamType):
    """Values separated by commas."""

    name = "list"

    def __init__(self, item: type):
        self.item = item

    def convert(self, value, param, ctx):
        if not isinstance(value, str):
            return tuple(value)
        try:
            return tuple(self.item(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of {self.item.__name__}s, such as 1,2,3.")


class Pair(click.ParamType):
    """A click type for KEY=VALUE. The value is a Python literal if it reads as one, else a text."""

    name = "key=value"

    def convert(self, value, param, ctx):
        """Return (key, value), or fail if the text has no equals sign or the key is no name."""
        if not isinstance(value, str):
            return value
        key, equals, text = value.partition("=")
        if not equals or not key.isidentifier():
            self.fail(f"{value!r} is not of the form KEY=VALUE.")
        try:
            return key, ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return key, text


def _settings(function: Callable) -> dict[str, inspect.Parameter]:
    refuse_settings(function, RESERVED, "every run")
    parameters = dict(inspect.signature(function).parameters)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty:
            raise SettingError(
                f"The setting {name!r} of the experiment {name_of(function)!r} has no default; "
                "give it one, so that the experiment runs as it stands."
            )
    return parameters


def _option(name: str, hint, default, extra: dict) -> click.Option:
    flag = "--" + name.replace("_", "-")
    extra = extra | {"default": default, "show_default": True}
    if typing.get_origin(hint) in (types.UnionType, typing.Union):  # int | None
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", name], **extra)
    if (origin or hint) is dict:
        extra |= {"multiple": True, "default": tuple((default or {}).items())}
        extra |= {"show_default": bool(default), "callback": lambda ctx, param, pairs: dict(pairs)}
        return click.Option([flag.removesuffix("s"), name], type=Pair(), **extra)
    if origin is typing.Literal:
        return click.Option([flag, name], type=click.Choice(arguments), **extra)
    if (origin or hint) is tuple:
        extra["show_default"] = ",".join(map(str, default or ()))
        item = arguments[0] if arguments else int
        return click.Option([flag, name], type=_Numbers(item), **extra)
    if hint is Path:
        return click.Option([flag, name], type=click.Path(path_type=Path), **extra)
    kind = RANGES.get(name, hint if hint in (int, float) else str)
    return click.Option([flag, name], type=kind, **extra)


def _summary(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split())


def _argument_helps(docstring: str) -> dict[str, str]:
    """Return {name: text} from a docstring's `Args:` section."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", docstring, re.MULTILINE)
    if not section:
        return {}
    lines = inspect.cleandoc(section[1])
    items = re.findall(r"^(\w+): (.*(?:\n[ \t]+.*)*)", lines, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in items}
