"""reproduce(run) -> Reproduction: do a run again from its folder alone, and say how near it comes."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnkit.errors import RunFolderError, SettingError
from cnnkit.experiment.rebuild import recorded_function, recorded_settings, run_surroundings
from cnnkit.platforms import expect_supported_platform
from cnnkit.runs import Run
from cnnkit.training.building import built
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.differences import differences
from cnnkit.training.recipe import recipe_of
from cnnkit.training.run import train
from cnnkit.user_code.experiment_files import refuse_while_importing

WITHIN = 1e-3  # up to which numbers count as the same
IDENTICAL, SAME, DIFFERENT = "bit-identical", "same", "different"  # the verdicts
TIMES = ("seconds",)  # columns of metrics.csv that no run repeats


@dataclass(frozen=True)
class Reproduction:
    """A run and another one made from its folder.

    Attributes:
        original: The run that was there.
        run: The new run.
        changes: What differed before it began: (what, value in the original, value now) each.
        verdict: How near it comes: "bit-identical", "same" or "different".
        distance: The largest difference between two numbers of the runs' histories and test scores,
            relative to the larger of 1 and the original's number; infinite where one run has numbers
            that the other lacks.
        where: Which number that is, such as "val_loss of epoch 3"; "" where all are equal.
    """

    original: Run
    run: Run
    changes: tuple[tuple[str, str, str], ...]
    verdict: str
    distance: float
    where: str

    def in_words(self) -> str:
        """Return the verdict: "bit-identical", "same within x" or "different"."""
        if self.verdict is IDENTICAL:
            return "bit-identical: history, test results and weights"
        place = f", most in {self.where}" if self.where else ""
        if self.verdict is SAME:
            return f"same within {self.distance:.1e}{place}"
        return f"different, by up to {self.distance:.2g}{place}"


def reproduce(
    run: Run | str | os.PathLike,
    *,
    runs_dir: str | Path = "runs",
    name: str | None = None,
    within: float = WITHIN,
    before: Callable[[list[tuple[str, str, str]]], Any] | None = None,
) -> Reproduction:
    """Build a run's experiment from its folder alone, train it again, and compare both runs.

    Args:
        run: A finished run, or its folder.
        runs_dir: The new run's folder is made as runs_dir/EXPERIMENT/NAME.
        name: The new folder's name; None makes one of the time and four letters.
        within: Up to which difference numbers count as the same, at least 0.
        before: Called before training with what differs between the run and now, in recipe, data,
            versions and machine: (what, value in the run, value now) each.

    Returns:
        Both runs, and how near they are.

    Raises:
        RunFolderError: The run is not finished, or its source has changed and it is not trusted.
        SettingError: The run was made by `cnnkit.fit`, or its experiment cannot be built.
    """
    refuse_while_importing("cnnkit.reproduce")
    expect_supported_platform()
    original = run if isinstance(run, Run) else Run(run)
    if not within >= 0:
        raise SettingError(f"within is at least 0, not {within!r}.")
    original = Run(original.folder.absolute(), trust=original.trust)
    state = original.status["state"]
    if state != "finished":
        raise RunFolderError(
            f"{original.folder} is {state}, and only a finished run can be compared with another; "
            "`cnnkit resume` finishes it."
        )
    runs_dir = Path(runs_dir).absolute()  # the run's own working folder may be another one
    function, settings = recorded_function(original), recorded_settings(original)
    seed, precision = original.experiment["seed"], original.environment["precision"]
    with (
        run_surroundings(original),
        built(function, settings, seed, precision) as (resolved, settings, seed),
    ):
        recipe = recipe_of(function, resolved, settings, seed)
        changes = differences(original, recipe, resolved.data.content_hash)
        if before is not None:
            before(changes)
        recipe |= {each: original.experiment.get(each) for each in ("experiment", "command")}
        if not original.results.get("test"):  # a trial of a search, whose test split was left alone
            recipe |= {"study": original.experiment.get("study")}
        new = Run.create(runs_dir, original.folder.parent.name, name)
        train(new, function, resolved, recipe, CheckpointSchedule(None, None))
    return Reproduction(original, new, tuple(changes), *_verdict(original, new, within))


def _verdict(original: Run, new: Run, within: float) -> tuple[str, float, str]:
    distance, where = _largest_distance(original, new)
    if distance == 0 and _same_weights(original, new):
        return IDENTICAL, 0.0, ""
    return (SAME if distance <= within else DIFFERENT), distance, where


def _largest_distance(original: Run, new: Run) -> tuple[float, str]:
    """Return the largest difference between numbers of two runs, and where it is."""
    ours, theirs = dict(_numbers(new)), dict(_numbers(original))
    if ours.keys() != theirs.keys():
        [first, *_] = sorted(ours.keys() ^ theirs.keys())
        return float("inf"), first
    found = [(_distance(theirs[name], ours[name]), name) for name in theirs]
    largest = max(found, key=lambda each: each[0], default=(0.0, ""))
    return largest if largest[0] else (0.0, "")


def _distance(then: float | None, now: float | None) -> float:
    if then is None or now is None or not np.isfinite([then, now]).all():
        return 0.0 if then == now or repr(then) == repr(now) else float("inf")
    return abs(then - now) / max(1.0, abs(then))


def _numbers(run: Run) -> Iterator[tuple[str, float | None]]:
    """Yield the numbers by which runs are compared, each with its name."""
    for column, values in run.history.items():
        if column not in TIMES:
            for epoch, value in enumerate(values, start=1):
                yield f"{column} of epoch {epoch}", value
    for name, value in (run.results.get("test") or {}).items():
        if value is None or isinstance(value, (int, float)):
            yield f"test {name.replace('_', ' ')}", value


def _same_weights(original: Run, new: Run) -> bool:
    """Return whether the saved networks have the same weights, bit for bit."""
    pair = original.model.get_weights(), new.model.get_weights()
    return len(pair[0]) == len(pair[1]) and all(
        one.dtype == other.dtype and one.tobytes() == other.tobytes()
        for one, other in zip(*pair, strict=True)
    )
