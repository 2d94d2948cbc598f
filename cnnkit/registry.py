"""A registry maps names to functions that are imported on first use, with facts about each."""

import fnmatch
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnkit.errors import SettingError, UnknownNameError


@dataclass(frozen=True)
class Entry:
    """One entry of a registry.

    Args:
        name: The name it is registered under.
        target: The function, or its place as "package.module:function".
        facts: What a list shows about it, by column.
    """

    name: str
    target: str | Callable
    facts: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Callable:
        """Import the function if necessary, and return it."""
        if callable(self.target):
            return self.target
        module, function = self.target.split(":")
        return getattr(importlib.import_module(module), function)


class Registry:
    """Functions by name, in the order of registration.

    Args:
        kind: What one of them is, for error messages: "model", "dataset".
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def register(self, name: str, target: str | Callable, **facts) -> None:
        """Register a function under a name; an earlier one of that name is replaced.

        Args:
            name: The name.
            target: The function, or its place as "package.module:function".
            **facts: What a list shows about it.
        """
        self._entries[name] = Entry(name, target, facts)

    def names(self, pattern: str = "*") -> list[str]:
        """Return the names that match a pattern.

        Args:
            pattern: Shell-style pattern, such as "vgg*".

        Returns:
            List of names, in the order of registration.

        >>> fruit = Registry("fruit")
        >>> for name in ("apple", "apricot", "pear"):
        ...     fruit.register(name, str)
        >>> fruit.names("ap*")
        ['apple', 'apricot']
        """
        return fnmatch.filter(self._entries, pattern)

    def entry(self, name: str) -> Entry:
        """Return the entry of a name.

        Args:
            name: A registered name.

        Returns:
            Its Entry.

        Raises:
            UnknownNameError: The name is not registered; the message has the nearest names.
            SettingError: The name is a pattern; the message has the names that match.
        """
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
        """Call the function of a name.

        Args:
            name: A registered name.
            *arguments: Positional arguments.
            **options: Keyword-only arguments, which are checked against the function's signature.

        Returns:
            What the function returns.

        Raises:
            UnknownNameError: The name is not registered, or the function has no such option.
            SettingError: The name is a pattern.
        """
        function = self.entry(name).load()
        check_options(f"{self.kind} {name!r}", function, options)
        return function(*arguments, **options)


def option_names(function: Callable) -> list[str]:
    """Return the names of a function's options, its keyword-only parameters.

    Args:
        function: Any function.

    Returns:
        List of names, in the order of the signature.
    """
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def check_options(owner: str, function: Callable, options: Mapping[str, object]) -> None:
    """Check options against a function's signature.

    Args:
        owner: Whose options they are, for the error message: "model 'vgg16'".
        function: The function they are for.
        options: Values by option name.

    Raises:
        UnknownNameError: The function has no such option; the message has the nearest names.
    """
    known = option_names(function)
    for name in options:
        if name not in known:
            raise UnknownNameError(f"option of {owner}", name, known)
