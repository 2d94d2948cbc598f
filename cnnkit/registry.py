"""A catalogue maps names to functions that are imported on first use, with facts about each."""

import fnmatch
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cnnkit.errors import SettingError, UnknownNameError


@dataclass(frozen=True)
class Entry:
    """One line of a catalogue: the name, where its function lives, and facts to show about it."""

    name: str
    target: str | Callable  # "package.module:function", or the function itself
    facts: Mapping[str, object] = field(default_factory=dict)

    def load(self) -> Callable:
        """Return the function, importing its module if need be."""
        if callable(self.target):
            return self.target
        module, function = self.target.split(":")
        return getattr(importlib.import_module(module), function)


class Catalogue:
    """Names in the order they were registered; `kind` is the word error messages use for one."""

    def __init__(self, kind: str):
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def register(self, name: str, target: str | Callable, **facts) -> None:
        """Add a function, or the place "package.module:function" of one, under a name."""
        self._entries[name] = Entry(name, target, facts)

    def names(self, pattern: str = "*") -> list[str]:
        """Return the names that match a shell-style pattern, in catalogue order.

        >>> fruit = Catalogue("fruit")
        >>> for name in ("apple", "apricot", "pear"):
        ...     fruit.register(name, str)
        >>> fruit.names("ap*")
        ['apple', 'apricot']
        """
        return fnmatch.filter(self._entries, pattern)

    def entry(self, name: str) -> Entry:
        """Return one line; raises UnknownNameError with the nearest names, or a pattern's matches."""
        if name in self._entries:
            return self._entries[name]
        matches = self.names(name)
        if matches:
            raise SettingError(
                f"{name!r} is a pattern, and one {self.kind} is wanted: "
                f"it matches {', '.join(matches)}."
            )
        raise UnknownNameError(self.kind, name, self._entries)

    def call(self, name: str, *arguments, **options):
        """Call the function of that name after checking the options against its signature."""
        function = self.entry(name).load()
        check_options(f"{self.kind} {name!r}", function, options)
        return function(*arguments, **options)


def option_names(function: Callable) -> list[str]:
    """Return the names of a function's keyword-only parameters: the options one may give it."""
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def check_options(owner: str, function: Callable, options: Mapping[str, object]) -> None:
    """Raise UnknownNameError for the first option that the function does not take."""
    known = option_names(function)
    for name in options:
        if name not in known:
            raise UnknownNameError(f"option of {owner}", name, known)
