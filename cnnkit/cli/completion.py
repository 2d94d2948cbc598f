"""Completion of names in the shell."""

from collections.abc import Callable, Iterable

from click.shell_completion import CompletionItem


def completing(names: Callable[[], Iterable[str]]) -> Callable:
    """Return click's `shell_complete` for one of these names, which are asked for when needed."""
    return lambda ctx, param, incomplete: [
        CompletionItem(name) for name in names() if name.startswith(incomplete)
    ]
