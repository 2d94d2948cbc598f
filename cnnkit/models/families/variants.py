"""Published members of a family, each a factory of its own."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any


def variant(family: Callable, name: str, **options) -> Callable:
    """Return a published member of a family: its factory with some options set.

    Args:
        family: The family's factory, which has a keyword `name`.
        name: Name of the member and of the models it makes.
        options: Options of `family` that make the member.

    Returns:
        A factory whose docstring begins with these options.
    """
    factory: Any = partial(family, name=name, **options)
    settings = ", ".join(f"{option}={value!r}" for option, value in options.items())
    factory.__name__ = name
    factory.__doc__ = f"`{family.__name__}` with {settings}.\n\n{inspect.getdoc(family)}"
    return factory
