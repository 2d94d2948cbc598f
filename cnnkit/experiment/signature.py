"""Read the settings of an experiment from its function, and make command-line options of them."""

import ast
import contextlib
import functools
import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import click

from cnnkit.errors import SettingError
from cnnkit.experiment.option_types import option_of
from cnnkit.user_code.experiment_files import chosen_name

# What `cnnkit.run`, `cnnkit.resume` and their command lines take for themselves. `seed` is shared.
RESERVED = frozenset(
    {
        "allow_changes", "checkpoint_minutes", "checkpoint_steps", "debug", "devices", "experiment",
        "help", "name", "or_resume", "precision", "processes", "resume", "run", "runs_dir", "seeds", "trust",
    }
)  # fmt: skip


def function_of(experiment) -> Callable:
    """Return the function that an experiment is, without the settings that a partial gives it.

    Args:
        experiment: A function, or `functools.partial` of one.

    Returns:
        The function, which has a name of its own.

    Raises:
        SettingError: It is something else, or has no name by which a run could find it again.
    """
    while isinstance(experiment, functools.partial):
        experiment = experiment.func
    if not callable(experiment):
        raise SettingError(
            "An experiment is the function that returns an Experiment, by which a run can be repeated, "
            f"not {type(experiment).__name__}: give the function itself, and its settings by name."
        )
    name = getattr(experiment, "__name__", None)
    if name is None or not name.isidentifier():
        kind = "a lambda" if name else f"an object of the class {type(experiment).__name__}"
        raise SettingError(
            f"An experiment is a function with a name, by which a run can be repeated, not {kind}: "
            "write def experiment(...) with the settings as its parameters."
        )
    return experiment


def name_of(function: Callable) -> str:
    """Return an experiment's name.

    Args:
        function: The experiment's function.

    Returns:
        The name of its file if the function is called `experiment`, else the function's own.

    Raises:
        SettingError: It is no function, or has no name.
    """
    function = function_of(function)
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
    return _summary(inspect.getdoc(function_of(function)))


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


def unchanged_settings(function: Callable, settings: Mapping[str, object]) -> list[str]:
    """Return the names of the settings that have their defaults.

    Args:
        function: The experiment's function.
        settings: Its settings by name.

    Returns:
        The names, in the order of the signature.
    """
    return [
        name
        for name, default in defaults_of(function).items()
        if name in settings and repr(settings[name]) == repr(default)
    ]


def options_of(
    function: Callable, completions: Mapping[str, Callable] | None = None
) -> list[click.Option]:
    """Return a click option for each setting.

    The type comes from the annotation, or else from the default, see `option_types.option_of`. A
    default that no option replaces reaches the function as it is. The help comes from `Args:` in
    the docstring.

    Args:
        function: The experiment's function.
        completions: What click calls to complete a setting in the shell, by its name.

    Returns:
        The options, in the order of the signature.

    Raises:
        SettingError: A setting has no default, or a reserved name.
    """
    helps = _argument_helps(inspect.getdoc(function_of(function)) or "")
    hints, completions = _hints(function), completions or {}
    return [
        option_of(
            name, hints.get(name), parameter.default,
            help=helps.get(name), shell_complete=completions.get(name),
        )
        for name, parameter in _settings(function).items()
    ]  # fmt: skip


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


def read_source(path: Path) -> tuple[str, list[str]]:
    """Read an experiment's summary and settings from its file, without importing it.

    Args:
        path: The file, whose function is the one that `experiment_files.load` finds.

    Returns:
        The first paragraph of the docstring, and the names of the settings.

    Raises:
        SettingError: The file is not Python, or has no such function.
    """
    try:
        tree = ast.parse(Path(path).read_bytes())  # bytes may say how they are encoded
    except (OSError, ValueError, SyntaxError) as error:
        raise SettingError(f"{path} cannot be read as Python: {error}") from None
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    node = functions[chosen_name(list(functions), None, path)]
    arguments = [*node.args.args, *node.args.kwonlyargs]
    return _summary(ast.get_docstring(node)), [argument.arg for argument in arguments]


def _settings(function: Callable) -> dict[str, inspect.Parameter]:
    refuse_settings(function, RESERVED, "every run")
    parameters = dict(inspect.signature(function).parameters)
    for name, parameter in parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise SettingError(
                f"The experiment {name_of(function)!r} takes '{parameter}', but a setting is given by "
                "name: name each of them with its default."
            )
        if parameter.default is parameter.empty:
            raise SettingError(
                f"The setting {name!r} of the experiment {name_of(function)!r} has no default; "
                "give it one, so that the experiment runs as it stands."
            )
    return parameters


def _hints(function: Callable) -> dict[str, object]:
    """Return the annotations that Python can resolve, by name."""
    function, hints = inspect.unwrap(function_of(function)), {}
    for name, annotation in getattr(function, "__annotations__", {}).items():
        alone = types.SimpleNamespace(__annotations__={name: annotation})
        with contextlib.suppress(Exception):  # a name of a block `if TYPE_CHECKING`, for example
            hints |= typing.get_type_hints(alone, getattr(function, "__globals__", {}))
    return hints


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
