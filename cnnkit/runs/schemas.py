"""What the JSON files of a run folder hold, and a check that a file holds it.

A schema is a Kind, a list of one schema (a list of any length), or a dict of schemas by field. In a
dict, "!" after a name means that the field must be there, "?" that it may be null, and the name "*"
stands for every field. Fields that no schema names may hold anything.
"""

import reprlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LARGEST_COUNT = 2**63  # no count of a run comes near it
LARGEST_NUMBER = 1e300  # the loss of a network that diverges is far below it
DEEPEST = 100  # levels of lists and objects; real files have some twenty


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes:
        words: What it is called in an error.
        holds: Whether a value is of this kind.
    """

    words: str
    holds: Callable[[Any], bool]


def _is_number(value) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) < LARGEST_NUMBER


def _is_time(value) -> bool:
    try:
        return datetime.fromisoformat(value).timestamp() >= 0
    except (TypeError, ValueError, OverflowError, OSError):
        return False


TEXT = Kind("a text", lambda value: isinstance(value, str))
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
OBJECT = Kind("an object", lambda value: isinstance(value, dict))
NUMBER = Kind("a number", _is_number)
RATE = Kind("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
SECONDS = Kind("a number of seconds", lambda value: _is_number(value) and value >= 0)
COUNT = Kind(
    "a whole number, at least 0",
    lambda value: _is_number(value) and isinstance(value, int) and 0 <= value < LARGEST_COUNT,
)
TIME = Kind("a time in ISO 8601", _is_time)
NAME = Kind("a text or a number", lambda value: isinstance(value, str) or _is_number(value))
INTERVAL = Kind(
    "two numbers from 0 to 1",
    lambda value: isinstance(value, list) and len(value) == 2 and all(map(RATE.holds, value)),
)

CLASSES = [
    {
        "name": NAME, "support": COUNT, "recall?": RATE, "recall_interval?": INTERVAL,
        "precision?": RATE, "precision_interval?": INTERVAL, "average_precision?": RATE, "f1?": RATE,
    }
]  # fmt: skip
TEST = {"samples!": COUNT, "correct!": COUNT, "loss?": NUMBER, "classes": CLASSES}
SINGLE_LABEL = TEST | {
    "accuracy!": RATE, "accuracy_interval!": INTERVAL, "confusion_matrix": [[COUNT]],
    "calibration_error?": NUMBER,
}  # fmt: skip
MULTI_LABEL = TEST | {
    "exact_match!": RATE, "exact_match_interval!": INTERVAL, "mean_average_precision!?": RATE,
    "f1_macro!?": RATE, "f1_micro!?": RATE,
}  # fmt: skip
PHASE = {
    "phase!": TEXT, "parameters": COUNT, "trained_parameters": COUNT, "trained_layers": [TEXT],
    "first_epoch": COUNT,
}  # fmt: skip
SIZE = Kind("a size or null", lambda value: value is None or COUNT.holds(value))
LAYER = {
    "name": TEXT, "kind": TEXT, "parameters": COUNT,
    "output_shape": [SIZE],
}  # fmt: skip

SCHEMAS: dict[str, Any] = {
    "status.json": {
        "state!": TEXT, "started": TIME, "updated": TIME, "pid": COUNT, "host": TEXT, "epoch?": COUNT,
        "saved_epoch?": COUNT, "seconds?": SECONDS, "reason?": TEXT, "resumed": [OBJECT],
    },
    "experiment.json": {
        "experiment": TEXT, "description?": TEXT, "command?": TEXT, "seed?": COUNT, "epochs?": COUNT,
        "batch_size?": COUNT, "settings": OBJECT, "setting_types": OBJECT, "made_by": TEXT,
        "unchanged_settings": [TEXT],
        "restore_best_weights": FLAG, "monitor?": TEXT, "mode?": TEXT,
        "study": {"name!": TEXT, "trial!": COUNT},
        "model": {"name": TEXT, "parameters": COUNT, "layers": [LAYER]},
    },
    "environment.json": {
        "versions": {"*": TEXT}, "backend": TEXT, "devices": [TEXT], "platform": TEXT, "processor?": TEXT,
        "cores?": COUNT,
        "threads": {"*": TEXT}, "precision": TEXT, "seed?": COUNT,
        "git?": {"commit!": TEXT, "clean!": FLAG},
        "distribution": {
            "asked!": TEXT, "devices!": [TEXT], "processes!": COUNT, "global_batch!": COUNT,
            "batch_per_device!": COUNT, "sharding!": TEXT, "learning_rate!": TEXT,
            "batch_normalization!": TEXT,
        },
    },
    "dataset.json": {
        "name": TEXT, "source?": TEXT, "image_shape": [SIZE], "value_range": [NUMBER],
        "class_names": [NAME], "samples": {"*": COUNT}, "counts": {"*": [COUNT]}, "content_hash?": TEXT,
        "test_hash?": TEXT,
    },
    "results.json": {
        "test?": lambda test: MULTI_LABEL if "exact_match" in test else SINGLE_LABEL,
        "validation?": {"epoch": COUNT, "monitor?": TEXT, "mode?": TEXT, "*?": NUMBER},
        "timing": {"*": SECONDS, "epoch_seconds": [SECONDS]},
    },
    "phases.json": {"phases!": [PHASE]},
}  # fmt: skip


def mismatch(content, schema, place: str = "") -> str | None:
    """Return what is wrong with the content of a file.

    Args:
        content: What JSON read.
        schema: What it should be; a function of an object returns the schema of that object.
        place: Where the content stands in the file, for the answer.

    Returns:
        "PLACE is VALUE, not KIND" for the first part that does not fit; None if everything fits.
    """
    if isinstance(schema, Kind):
        return None if schema.holds(content) else _wrong(place, content, schema.words)
    if isinstance(schema, list):
        if not isinstance(content, list):
            return _wrong(place, content, "a list")
        parts = ((item, schema[0], f"{place}[{index}]") for index, item in enumerate(content))
    elif not isinstance(content, dict):
        return _wrong(place, content, "an object")
    else:
        fields = schema(content) if callable(schema) else schema
        missing = [name.strip("!?") for name in fields if "!" in name]
        missing = [name for name in missing if name not in content]
        if missing:
            return f"{_joined(place, missing[0])} is missing"
        parts = _parts(content, fields, place)
    return next(filter(None, (mismatch(*part) for part in parts)), None)


def nested_too_deeply(content) -> bool:
    """Return whether lists and objects are nested deeper than in any file of a run.

    Args:
        content: What JSON read.

    Returns:
        Whether there are more than 100 levels, which functions that call themselves may not survive.
    """
    level = [content]
    for _ in range(DEEPEST):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return bool(level)


def _parts(content: dict, fields: dict, place: str):
    """Yield each field that has a schema, its schema and its place."""
    named = {name.strip("!?"): (name.endswith("?"), schema) for name, schema in fields.items()}
    for name, value in content.items():
        may_be_null, schema = named.get(name, named.get("*", (True, None)))
        if schema is not None and not (value is None and may_be_null):
            yield value, schema, _joined(place, name)


def _joined(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _wrong(place: str, value, words: str) -> str:
    return f"{place or 'the content'} is {reprlib.repr(value)}, not {words}"
