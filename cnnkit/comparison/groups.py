"""Groups of runs that are alike but for the seed."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cnnkit.evaluation.significance import Interval, t_interval
from cnnkit.runs import predictions
from cnnkit.runs.comparison import Row

# What runs of one group have in common, beside experiment and settings.
SHARED = (
    "recipe.epochs", "recipe.batch_size", "recipe.source.sha256", "recipe.model.parameters",
    "recipe.optimizer.class_name", "dataset.name", "environment.backend", "environment.precision",
)  # fmt: skip


@dataclass(frozen=True)
class Group:
    """Runs of one recipe with different seeds.

    Attributes:
        rows: The runs' rows, by seed; all of them are tested.
        repeated: Rows that are left out because a later run has the same seed.
    """

    rows: tuple[Row, ...]
    repeated: tuple[Row, ...] = ()

    @property
    def places(self) -> set[str]:
        """The folders of all runs, those left out too."""
        return set(map(place_of, (*self.rows, *self.repeated)))

    @property
    def first(self) -> Row:
        """The row of the first seed."""
        return self.rows[0]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, in order."""
        return tuple(row.facts.get("seed", 0) for row in self.rows)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings but the seed."""
        return {name: value for name, value in self.first.settings.items() if name != "seed"}

    @cached_property
    def test(self) -> Interval:
        """Mean test score with its 95 % interval: over seeds, and of one run over test items."""
        scores = [row.test for row in self.rows if row.test is not None]
        found = t_interval(scores)
        if len(scores) > 1:
            return found._replace(low=max(0.0, found.low or 0.0), high=min(1.0, found.high or 1.0))
        ends = str(self.first.facts.get("results.test.accuracy_interval") or "").split(", ")
        if len(ends) != 2:
            return found
        return found._replace(low=float(ends[0]), high=float(ends[1]))

    @property
    def interval_over(self) -> str:
        """What the interval of the test score is over: "5 seeds" or "360 items"."""
        if len(self.rows) > 1:
            return f"{len(self.rows)} seeds"
        return f"{self.first.facts.get('results.test.samples')} items"

    @cached_property
    def validation(self) -> Interval | None:
        """Mean validation score with its 95 % interval over seeds; None if no run has one."""
        scores = [row.validation for row in self.rows if row.validation is not None]
        return t_interval(scores) if scores else None

    @property
    def seconds(self) -> float | None:
        """Mean training time; None if it is not known."""
        times = [row.seconds for row in self.rows if row.seconds is not None]
        return float(np.mean(times)) if times else None

    @property
    def test_hashes(self) -> set[str]:
        """The hashes of the test items; several if the seeds draw other items."""
        names = ("dataset.test_hash", "dataset.content_hash")  # earlier runs have the second alone
        found = (next(filter(None, map(row.facts.get, names)), "") for row in self.rows)
        return set(found)

    @cached_property
    def answers(self) -> list[predictions.Predictions] | None:
        """The answers of each run to the test items; None if a run has not kept them."""
        every = [predictions.read(row.run) for row in self.rows]
        kept = [each for each in every if each is not None]
        return kept if len(kept) == len(every) else None

    @property
    def is_correct(self) -> np.ndarray | None:
        """Which items each run gets right, shape (runs, items), bool; None if that is not kept."""
        if self.answers is None or len({len(each.labels) for each in self.answers}) != 1:
            return None
        return np.stack([each.is_correct for each in self.answers])


def grouped(rows: Sequence[Row], *, each: bool = False) -> list[Group]:
    """Put runs together that differ in their seed alone.

    Args:
        rows: Rows of tested runs.
        each: Whether every run is a group of its own.

    Returns:
        The groups, in the order of their first runs. Of several runs with one seed the last counts.
    """
    if each:
        return [Group((row,)) for row in rows]
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(_recipe_key(row), []).append(row)
    groups = []
    for members in found.values():
        last = {row.facts.get("seed", 0): row for row in members}
        chosen = tuple(last[seed] for seed in sorted(last))
        groups.append(Group(chosen, tuple(row for row in members if row not in chosen)))
    return groups


def place_of(row: Row) -> str:
    """Return the absolute path of a run's folder, by which rows of one run are known.

    Args:
        row: A row of the run.
    """
    return os.path.abspath(row.run.folder)


def _recipe_key(row: Row) -> str:
    settings = {name: value for name, value in row.settings.items() if name != "seed"}
    shared = [row.facts.get(name) for name in SHARED]
    return json.dumps([row.experiment, settings, shared], sort_keys=True, default=str)
