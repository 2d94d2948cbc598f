"""The space of a search: which values each setting of an experiment may have.

An experiment file declares it beside its function, as a dict:

    space = {"filters": (16, 32, 64), "learning_rate": log_uniform(1e-4, 1e-1)}

A tuple or list holds choices; `ranges` has ranges of numbers; a function of Optuna's trial returns
any value. In place of the dict, a function of the trial may return the settings.
"""

import inspect
from collections.abc import Callable, Mapping

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.experiment.signature import defaults_of, function_of, name_of
from cnnkit.search.ranges import Choices, Range


class Space:
    """What a search varies of an experiment.

    Args:
        function: The experiment's function.
        declared: A dict of values by the name of the setting, or a function of Optuna's trial that
            returns one.
        fixed: Settings that no trial varies.

    Raises:
        SettingError: It is neither, has nothing to vary, or a setting has no values.
        UnknownNameError: A name is no setting of the experiment.
    """

    def __init__(self, function: Callable, declared, fixed: Mapping = {}):
        self.function, self.fixed, self._whole = function, dict(fixed), None
        self.parts: dict[str, Range | Choices | Callable] = {}
        if callable(declared):
            self._whole = declared
        elif isinstance(declared, Mapping):
            self._expect_settings(declared)
            self.parts = {
                name: _part(name, values) for name, values in declared.items() if name not in fixed
            }
        else:
            raise SettingError(
                "A space is a dict of values by the name of the setting, or a function of the "
                f"trial that returns one, not {declared!r}."
            )
        if not self.parts and self._whole is None:
            raise SettingError(f"The space of {name_of(function)!r} has no setting left to vary.")

    @property
    def is_plain(self) -> bool:
        """Whether all of it is choices and ranges, which can be counted without a trial."""
        return self._whole is None and not any(map(_is_function, self.parts.values()))

    def __str__(self):
        if self._whole is not None:
            return _shown(self._whole)
        return ", ".join(f"{name}: {_shown(part)}" for name, part in self.parts.items())

    def settings(self, trial) -> dict:
        """Return the settings of a trial.

        Args:
            trial: Optuna's trial, which the values are drawn from.

        Returns:
            Settings by name, those that are fixed among them.

        Raises:
            UnknownNameError: A function of the trial returned a name that is no setting.
            SettingError: A function returned no dict.
        """
        if self._whole is None:
            drawn = {
                name: part.suggest(trial, name)
                if isinstance(part, Range | Choices)
                else part(trial)
                for name, part in self.parts.items()
            }
        else:
            drawn = self._whole(trial)
            if not isinstance(drawn, Mapping):
                raise SettingError(f"A space's function returns a dict of settings, not {drawn!r}.")
            self._expect_settings(drawn)
        return {**drawn, **self.fixed}

    def _expect_settings(self, names) -> None:
        known = defaults_of(self.function)
        for name in names:
            if name not in known:
                kind = f"setting of the experiment {name_of(self.function)!r}"
                raise UnknownNameError(kind, name, known)


def declared_in(function: Callable):
    """Return the `space` of an experiment's file.

    Args:
        function: The experiment's function.

    Returns:
        What stands there.

    Raises:
        SettingError: There is none.
    """
    names = inspect.unwrap(function_of(function)).__globals__
    if "space" not in names:
        raise SettingError(
            f"The experiment {name_of(function)!r} declares no space to search: write beside its "
            'function, for example, space = {"learning_rate": cnnkit.search.log_uniform(1e-4, 1e-1)}.'
        )
    return names["space"]


def _part(name: str, values) -> Range | Choices | Callable:
    if isinstance(values, Range) or _is_function(values):
        return values
    if isinstance(values, tuple | list):
        if not values:
            raise SettingError(f"The space of {name!r} is empty: give its tuple some choices.")
        return Choices(tuple(values))
    raise SettingError(
        f"The space of {name!r} is a tuple of choices, a range such as cnnkit.search.uniform(0, 1), "
        f"or a function of the trial, not {values!r}."
    )


def _is_function(part) -> bool:
    return callable(part) and not isinstance(part, Range | Choices)


def _shown(part: Range | Choices | Callable) -> str:
    return getattr(part, "__name__", "a function") if _is_function(part) else str(part)
