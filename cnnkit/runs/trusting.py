"""Trust every run that is opened inside a block, as --trust does on the command line."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_trusted: ContextVar[bool] = ContextVar("trusted", default=False)


@contextlib.contextmanager
def trusting(trust: bool = True) -> Iterator[None]:
    """Let each `Run` that is made inside the block be trusted unless it says otherwise.

    An experiment that opens another run, such as its teacher, needs it where that run brings code or
    has changed since it was written. It is never recorded: a recipe from elsewhere cannot ask for it.

    Args:
        trust: Whether to trust them.

    Yields:
        Nothing.
    """
    token = _trusted.set(trust)
    try:
        yield
    finally:
        _trusted.reset(token)


def is_trusting() -> bool:
    """Return whether runs are trusted unless they say otherwise."""
    return _trusted.get()
