"""What differs between the recipes of a comparison, and between the machines they ran on."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cnnkit.comparison.comparison import Line
from cnnkit.runs.differences import LEFT_OUT, compared
from cnnkit.runs.run import Run

# Left out: what follows from the rest, and the seed, over which means are taken.
FOLLOWS = (*LEFT_OUT, "seed", "callback_settings", "phases")
PARTS_OF_MODEL = ("name", "parameters")
OF_MACHINE = ("backend", "devices", "processor", "cores", "threads", "precision")
VERSIONS = ("python", "cnnkit", "keras", "tensorflow", "jax", "numpy")
LONGEST = 60  # characters of a value


class RecipeDifference(NamedTuple):
    """A part of the recipe in which runs differ.

    Attributes:
        what: The path of the part, such as "optimizer.config.learning_rate".
        values: The value of each line, in words; "" where a line has no such part.
    """

    what: str
    values: tuple[str, ...]


def recipe_differences(lines: Sequence[Line]) -> list[RecipeDifference]:
    """Return every part of recipe, data and machine in which the first runs of lines differ.

    Args:
        lines: The lines, the baseline first.

    Returns:
        The differing parts, in the order of the recipe.
    """
    records = [_record(line.group.first.run) for line in lines]
    first, *others = records
    changes = [{what: (then, now) for what, then, now in compared("", first, each)} for each in others]  # fmt: skip
    paths = {what: then for found in changes for what, (then, _) in found.items()}
    return [
        RecipeDifference(
            what, tuple(map(_in_words, (then, *(_now(what, then, each) for each in changes))))
        )
        for what, then in paths.items()
        if what != "settings.seed"
    ]


def _now(what: str, then, changes: Mapping[str, tuple]):
    """Return the value of a part in a record of which the changes against the first are known."""
    if what in changes:
        return changes[what][1]
    has_parent = any(what.startswith(f"{path}.") for path in changes)
    return None if has_parent else then


def _record(run: Run) -> dict:
    """Return what of a run's records matters for its results."""
    recipe, dataset, environment = run.experiment, run.dataset, run.environment
    kept = {name: value for name, value in recipe.items() if name not in FOLLOWS}
    model, source = recipe.get("model") or {}, recipe.get("source") or {}
    kept["model"] = {name: model.get(name) for name in PARTS_OF_MODEL}
    versions = environment.get("versions", {})
    return kept | {
        "experiment.py": str(source.get("sha256") or "")[:12],
        "test items": str(dataset.get("test_hash") or dataset.get("content_hash") or "")[:12],
        "machine": {name: environment.get(name) for name in OF_MACHINE},
        "version of": {name: versions.get(name) for name in VERSIONS},
    }


def _in_words(value) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
