"""The parts in which two records differ, such as the recipes of two runs."""

import re
from collections.abc import Iterator
from typing import Any

LEFT_OUT = (
    "experiment",
    "description",
    "command",
    "source",
    "setting_types",
    "unchanged_settings",
    "study",
)  # of the recipe: what is called, not done


def compared(path: str, then, now) -> Iterator[tuple[str, Any, Any]]:
    """Find the smallest parts in which two records differ.

    Args:
        path: Where the records stand in a larger one, with a dot at its end; "" for the whole.
        then: What JSON read of the first.
        now: What JSON read of the second.

    Yields:
        The path of a part, and its value in either record; None where it is missing.
    """
    if isinstance(then, dict) and isinstance(now, dict):
        for name in [*then, *(name for name in now if name not in then)]:
            yield from compared(f"{path}{name}.", then.get(name), now.get(name))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for place, (before, after) in enumerate(zip(then, now, strict=True)):
            yield from compared(f"{path}{place}.", before, after)
    elif _uncounted(then) != _uncounted(now):
        yield path.removesuffix("."), then, now


def _uncounted(value):
    """Return a name without the number by which Keras tells layers of one kind apart."""
    return re.sub(r"_\d+(?=$|/)", "", value) if isinstance(value, str) else value
