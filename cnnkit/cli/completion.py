"""Complete names in the shell."""

from collections.abc import Callable, Iterable

from click.shell_completion import CompletionItem


def completing(names: Callable[[], Iterable[str]]) -> Callable:
    """Return click's `shell_complete` for an argument that is one of some names.

    Args:
        names: Returns the names; called when the shell asks for them.

    Returns:
        A function for click's `shell_complete`.
    """
    return lambda ctx, param, incomplete: [
        CompletionItem(name) for name in names() if name.startswith(incomplete)
    ]
