"""What a run calls: a function, and settings that the run's record can hold."""

import datetime
import enum
import functools
import inspect
from collections.abc import Callable
from pathlib import PurePath

import keras
import numpy as np

from cnnkit.errors import SettingError
from cnnkit.experiment.signature import function_of, name_of

PLAIN = (str, int, float, bool, type(None))
MOST_LEVELS = (
    50  # of lists and dicts in one another; a reader of runs takes 100 in the whole recipe
)


def function_and_settings(experiment, settings: dict) -> tuple[Callable, dict]:
    """Return the function that an experiment is, and the settings that it is called with.

    Args:
        experiment: A function, or `functools.partial` of one, whose arguments become settings.
        settings: More settings, which win.

    Returns:
        Function and settings.

    Raises:
        SettingError: It is no function with a name.
        TypeError: A partial gives more arguments than the function takes.
    """
    if isinstance(experiment, keras.Model):
        expect_experiment_alone(experiment, experiment)
    function, bound = function_of(experiment), {}
    while isinstance(experiment, functools.partial):
        # The outer partial's arguments come after the inner one's, and its keywords win.
        inner = inspect.signature(experiment.func).bind_partial(*experiment.args)
        bound = inner.arguments | experiment.keywords | bound
        experiment = experiment.func
    return function, bound | settings


def expect_experiment_alone(experiment, *others) -> None:
    """Refuse more positional arguments than the experiment, as `model.fit` would take them.

    Args:
        experiment: The first argument of `cnnkit.run`.
        *others: The further ones.

    Raises:
        SettingError: There are others.
    """
    if others:
        raise SettingError(
            "cnnkit.run takes the function of an experiment, and its settings by name, not "
            f"{type(experiment).__name__}{' and arrays' if others[0] is not experiment else ''}: "
            "cnnkit.fit(model, x, y) trains a compiled model."
        )


def recordable(function: Callable, settings: dict) -> dict:
    """Return settings as a run's record can hold them, with NumPy's numbers as Python's.

    Args:
        function: The experiment's function, which an error names.
        settings: Its settings, all of them.

    Returns:
        The settings.

    Raises:
        SettingError: A value is none of numbers, texts, booleans, None and paths, or tuples, lists
            and dicts of them.
    """
    return {name: _recordable(function, name, value) for name, value in settings.items()}


def _recordable(function: Callable, name: str, value, level: int = 0):
    if level > MOST_LEVELS:
        raise SettingError(
            f"The setting {name!r} of the experiment {name_of(function)!r} holds itself, or nests "
            f"deeper than {MOST_LEVELS} levels, which the record of a run cannot hold: make it flatter."
        )
    if isinstance(value, np.generic):
        value = value.item()
    if type(value) in PLAIN or isinstance(value, PurePath):
        return value
    if type(value) in (list, tuple):
        return type(value)(_recordable(function, name, each, level + 1) for each in value)
    if isinstance(value, dict) and {type(key) for key in value} in (set(), {str}, {int}):
        return {key: _recordable(function, name, each, level + 1) for key, each in value.items()}
    kind = value.__name__ if isinstance(value, type) else type(value).__name__
    raise SettingError(
        f"The setting {name!r} of the experiment {name_of(function)!r} is of the type {kind}, which "
        f"the record of a run cannot hold: give {_remedy(value)}, and make the {kind} from it inside "
        "the function."
    )


def _remedy(value) -> str:
    """Return what to give instead of a value."""
    if isinstance(value, enum.Enum):
        return f"its name, {value.name!r}"
    if isinstance(value, datetime.date | datetime.time):
        return f"a text, {value.isoformat()!r}"
    if isinstance(value, np.ndarray | set | frozenset):
        return "a tuple of its values"
    if isinstance(value, dict):
        return "a dict whose keys are texts, or whole numbers"
    if hasattr(value, "__name__"):
        return f"its name, {value.__name__!r}"
    if isinstance(value, keras.optimizers.Optimizer | keras.Layer | keras.losses.Loss):
        return f"its name, {type(value).__name__!r}, and numbers"
    return "the numbers and texts that it is made of"
