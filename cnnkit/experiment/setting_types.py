"""The types of settings that JSON loses: tuples, paths and numbers that are not finite."""

from collections.abc import Iterator
from pathlib import Path

RESTORE = {"tuple": tuple, "path": Path, "float": float}


def types_of(settings: dict) -> dict[str, str]:
    """Return what `restore` needs to undo a write and a read of JSON.

    Args:
        settings: Values of JSON, tuples and paths, nested in dicts, lists and tuples.

    Returns:
        The type of each value that JSON changes, by its place such as "options/sizes/0".
        A type is "tuple" or "path", or "float inf" with the number that JSON has not.

    >>> types_of({"epochs": 3, "options": {"sizes": (2, 3)}})
    {'options/sizes': 'tuple'}
    """
    return dict(_types(settings, ""))


def restore(settings: dict, types: dict[str, str]) -> dict:
    """Return settings read from JSON with the types that they had.

    Args:
        settings: The settings as read.
        types: What `types_of` returned for the settings as written.

    Returns:
        The settings as they were.

    >>> restore({"options": {"sizes": [2, 3]}}, {"options/sizes": "tuple"})
    {'options': {'sizes': (2, 3)}}
    """
    return _restored(settings, "", types)


def _types(value, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, tuple):
        yield place, "tuple"
    elif isinstance(value, Path):
        yield place, "path"
    elif isinstance(value, float) and not abs(value) < float("inf"):
        yield place, f"float {value}"
    for name, part in _parts(value):
        yield from _types(part, f"{place}/{name}".lstrip("/"))


def _parts(value) -> Iterator[tuple]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)


def _restored(value, place: str, types: dict[str, str]):
    parts = {
        name: _restored(part, f"{place}/{name}".lstrip("/"), types) for name, part in _parts(value)
    }
    if isinstance(value, dict):
        value = parts
    elif isinstance(value, list):
        value = list(parts.values())
    kind, _, text = types.get(place, "").partition(" ")
    return RESTORE[kind](text or value) if kind else value
