"""Compare runs: a row for each, the settings in which they differ, and means over groups of them."""

import dataclasses
import json
import math
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from cnnkit.errors import RunFolderError, UnknownNameError
from cnnkit.evaluation.tasks import TASKS, task_of_results
from cnnkit.runs.facts import facts_of
from cnnkit.runs.run import Run

COLUMNS = (
    "experiment", "run", "started", "status", "epochs", "validation", "test", "seconds",
)  # fmt: skip
MEASURED = ("validation", "test", "seconds")  # the columns that a group averages
RECORDS = (
    "experiment.json", "results.json", "dataset.json", "environment.json", "phases.json",
)  # fmt: skip
IN_EVERY_RECIPE = ("epochs", "batch_size", "seed")
TOLD_BY_NAME = ("dataset", "model")  # the built-in experiment is called DATASET-MODEL


@dataclass(frozen=True)
class Row:
    """What a table says of a run.

    Attributes:
        run: The run.
        experiment: The name of its experiment.
        status: Its state, or "unreadable: " and the reason.
        started: When it began, or None.
        epochs: How many epochs are done, or None.
        validation: The validation score of the saved weights, in [0, 1], or None.
        test: The test score, in [0, 1], or None.
        seconds: How long it trained, or None.
        settings: Its settings by name, with epochs, batch size and seed.
        facts: Every single value of its records by name, with the columns, see `facts.facts_of`.
    """

    run: Run
    experiment: str
    status: str
    started: datetime | None = None
    epochs: int | None = None
    validation: float | None = None
    test: float | None = None
    seconds: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_readable(self) -> bool:
        """Whether the run's files could be read."""
        return not self.status.startswith("unreadable")

    def as_dict(self) -> dict:
        """Return the columns by name, as JSON can hold them, without the settings."""
        started = self.started and self.started.isoformat()
        return {
            name: {"run": self.run.name, "started": started}.get(name, getattr(self, name))
            for name in COLUMNS
        }

    def flat(self) -> dict:
        """Return settings and columns in one dict; a column wins over a setting of its name."""
        return self.as_dict() | {
            name: value for name, value in self.settings.items() if name not in COLUMNS
        }


def rows_of(runs: Iterable[Run]) -> list[Row]:
    """Return a row for each run. A run that cannot be read gets a row that says why.

    Args:
        runs: The runs.

    Returns:
        The rows, in the same order.
    """
    return [_row(run) for run in runs]


def differing_settings(rows: Sequence[Row]) -> list[str]:
    """Return the settings whose values differ between rows that have them.

    Args:
        rows: The rows of a table.

    Returns:
        Names, in the order of the settings. The epochs have a column of their own; data set and
        model are left out where the names of the experiments tell them apart.
    """
    names = dict.fromkeys(name for row in rows for name in row.settings)
    experiments = {row.experiment for row in rows}
    chosen = []
    for name in names:
        values = {
            (row.experiment, _text(row.settings[name])) for row in rows if name in row.settings
        }
        told = name in TOLD_BY_NAME and len(values) <= len(experiments)
        if name not in COLUMNS and not told and len({value for _, value in values}) > 1:
            chosen.append(name)
    return chosen


def sorted_by(column: str, records: Sequence[Mapping]) -> list:
    """Return records in the order of a column; those without a value come last.

    Args:
        column: The column's name; "-" before it puts the largest first.
        records: What `Row.flat` or `grouped` returns.

    Returns:
        The sorted records.

    Raises:
        UnknownNameError: No record has such a column.
    """
    name = column.removeprefix("-")
    _expect_known(name, records)
    present = [record for record in records if record.get(name) is not None]
    missing = [record for record in records if record.get(name) is None]
    return (
        sorted(present, key=lambda record: _order(record[name]), reverse=name != column) + missing
    )


def grouped(names: Sequence[str], rows: Sequence[Row]) -> list[dict]:
    """Return means over the runs that have the same settings.

    Args:
        names: Settings or columns; runs with equal values of all of them form a group.
        rows: The rows; those that cannot be read are left out.

    Returns:
        A dict for each group: the values of `names`, `runs` and `tested` (numbers of runs), the mean
        of each of "validation", "test" and "seconds", and its standard deviation over runs under
        the name with "_std"; None where there are too few values.

    Raises:
        UnknownNameError: No row has such a setting or column.
    """
    records = [row.flat() for row in rows if row.is_readable]
    for name in names:
        _expect_known(name, records)
    groups: dict[tuple, list[dict]] = {}
    for record in records:
        groups.setdefault(tuple(_text(record.get(name)) for name in names), []).append(record)
    return [
        {name: members[0].get(name) for name in names}
        | {"runs": len(members), "tested": sum(each["test"] is not None for each in members)}
        | {key: value for name in MEASURED for key, value in _mean(name, members).items()}
        for members in groups.values()
    ]


class _ReadOnce(Run):
    """A run whose files are read once: a row asks for some of them several times."""

    def __init__(self, run: Run):
        super().__init__(run.folder)
        self._contents: dict[str, dict] = {}

    def read_json(self, filename: str) -> dict:
        if filename not in self._contents:
            self._contents[filename] = super().read_json(filename)
        return self._contents[filename]

    @cached_property
    def history(self) -> dict[str, list[float]]:
        return super().history


def _row(named: Run) -> Row:
    experiment, run = named.folder.absolute().parent.name, _ReadOnce(named)
    try:
        # Every record is read, so that whatever is broken is said here and not by a later command.
        recipe, results, dataset, environment, _ = (_read_if_there(run, name) for name in RECORDS)
        metrics = run.saved_weights.metrics if run.saved_weights else {}
        chosen = results.get("validation") or {}  # has the accuracy, whatever the history calls it
        scores = [chosen.get(task.validation_score) for task in TASKS]
        scores += [metrics.get(f"val_{task.validation_score}") for task in TASKS]
        test = results.get("test")
        row = Row(
            named,
            experiment,
            status=run.status["state"],
            started=run.started,
            epochs=len(run.history.get("epoch", [])),
            validation=_finite(next((score for score in scores if score is not None), None)),
            test=task_of_results(test).test_score(test) if test else None,
            seconds=_finite(run.seconds),
            settings=_settings(recipe),
        )
        facts = facts_of(recipe, results, dataset, environment) | row.as_dict()
        return dataclasses.replace(row, facts=facts)
    except RunFolderError as error:
        reason = f"unreadable: {error}".replace(f"{run.folder}{os.sep}", "")
        row = Row(named, experiment, reason)
        return dataclasses.replace(row, facts=row.as_dict())


def _read_if_there(run: Run, filename: str) -> dict:
    """Return a record; {} for one that was not written yet, or whose experiment has none."""
    return run.read_json(filename) if os.path.lexists(run.folder / filename) else {}


def _settings(recipe: dict) -> dict:
    """Return the settings of a recipe, with those that an experiment need not have as settings."""
    settings = {name: recipe[name] for name in IN_EVERY_RECIPE if name in recipe}
    optimizer = recipe.get("optimizer")
    if recipe.get("made_by") == "cnnkit.fit" and isinstance(optimizer, dict):
        config = optimizer.get("config")
        rate = config.get("learning_rate") if isinstance(config, dict) else None
        settings |= {"optimizer": optimizer.get("class_name"), "learning_rate": rate}
    return settings | recipe.get("settings", {})


def _expect_known(name: str, records: Sequence[Mapping]) -> None:
    known = {*COLUMNS, *(each for record in records for each in record)}
    if name not in known:
        raise UnknownNameError("column or setting", name, known)


def _order(value) -> tuple:
    """Return a key that sorts numbers before texts, and both in their own order."""
    is_number = isinstance(value, (int, float))
    return (not is_number, value if is_number else _text(value))


def _text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _mean(name: str, records: Sequence[Mapping]) -> dict[str, float | None]:
    values = [record[name] for record in records if record[name] is not None]
    return {
        name: statistics.fmean(values) if values else None,
        f"{name}_std": statistics.stdev(values) if len(values) > 1 else None,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
