"""The types of settings that JSON loses: tuples, paths, keys and numbers that are not finite."""

from collections.abc import Iterator
from pathlib import Path

RESTORE = {"tuple": tuple, "path": Path, "float": float}
KEYS = "keys"  # of a dict: what they were before JSON made texts of them


def types_of(settings: dict) -> dict[str, str]:
    """Return what `restore` needs to undo a write and a read of JSON.

    Args:
        settings: Values of JSON, tuples and paths, nested in dicts, lists and tuples. Keys of
            nested dicts may be whole numbers, too.

    Returns:
        The type of each value that JSON changes, by its place such as "options/sizes/0".
        A type is "tuple" or "path", "float inf" with the number that JSON has not, or "keys int".

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
    elif isinstance(value, dict) and value and all(type(key) is int for key in value):
        yield place, f"{KEYS} int"
    for name, part in _parts(value):
        yield from _types(part, _below(place, name))


def _parts(value) -> Iterator[tuple]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)


def _below(place: str, name) -> str:
    return f"{place}/{name}".lstrip("/")


def _restored(value, place: str, types: dict[str, str]):
    kind, _, text = types.get(place, "").partition(" ")
    parts = {name: _restored(part, _below(place, name), types) for name, part in _parts(value)}
    if isinstance(value, dict):
        value = {int(name): part for name, part in parts.items()} if kind == KEYS else parts
    elif isinstance(value, list):
        value = list(parts.values())
    return RESTORE[kind](text or value) if kind in RESTORE else value
