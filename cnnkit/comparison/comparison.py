"""Compare groups of runs with a baseline: differences, paired tests, Holm's correction."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnnkit.comparison.groups import Group, grouped, place_of
from cnnkit.errors import SettingError
from cnnkit.evaluation.significance import Difference, holm, mcnemar, paired_bootstrap
from cnnkit.runs.comparison import Row, differing_settings

NAMED = 5  # runs that a remark names


@dataclass(frozen=True)
class Line:
    """A group in a comparison.

    Attributes:
        group: The runs.
        label: A name that no other line has: the experiment, and the settings that differ.
        difference: How it differs from the baseline on the same test items; None for the baseline,
            and where the items differ or their answers were not kept.
        p_holm: The p-value of the difference, corrected for all lines (Holm); None without one.
    """

    group: Group
    label: str
    difference: Difference | None = None
    p_holm: float | None = None


@dataclass(frozen=True)
class Comparison:
    """Groups of runs beside each other.

    Attributes:
        lines: The baseline first, then the others by their test score, the best first.
        settings: The settings in which groups differ.
        left_out: Which runs are not compared, and why, a sentence each.
        unpaired: Why lines have no paired test, a sentence each.
    """

    lines: tuple[Line, ...]
    settings: tuple[str, ...]
    left_out: tuple[str, ...]
    unpaired: tuple[str, ...]

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that a reader should know of the choice of runs and tests."""
        return self.left_out + self.unpaired

    @property
    def baseline(self) -> Line:
        """The line with which the others are compared."""
        return self.lines[0]


def compare_rows(
    rows: Sequence[Row],
    *,
    baseline: Row | None = None,
    each: bool = False,
    force: bool = False,
) -> Comparison:
    """Compare runs: those that differ in their seed alone are one group.

    Two single runs are compared by McNemar's exact test, and groups of more runs by a paired
    bootstrap over items and runs, with Holm's correction over all groups.

    Args:
        rows: Rows of runs. Those that were not tested are left out, and a remark says so.
        baseline: A row whose group the others are compared with; the first row's if None.
        each: Whether every run is a group of its own.
        force: Whether runs of different data sets may be compared.

    Returns:
        The comparison.

    Raises:
        SettingError: No run was tested, or data sets differ and `force` is False.
    """
    rows = list(rows)
    if baseline is not None and place_of(baseline) not in map(place_of, rows):
        rows.insert(0, baseline)
    tested = [row for row in rows if row.test is not None]
    remarks = _untested(rows)
    if not tested:
        raise SettingError(f"None of the runs has a test score to compare. {' '.join(remarks)}")
    if baseline is not None and baseline.test is None:
        raise SettingError(
            f"The baseline {baseline.run.name} has no test score ({baseline.status}); choose a "
            "finished run."
        )
    if not force:
        _expect_one_data_set(tested)
    groups = grouped(tested, each=each)
    first = place_of(baseline or tested[0])
    groups.sort(key=lambda group: (first not in group.places, -group.test.mean))
    repeats = sum(len(group.repeated) for group in groups)
    if repeats:
        remarks.append(
            f"{repeats} {'run is' if repeats == 1 else 'runs are'} left out because a later one has "
            "the same recipe and seed."
        )
    settings = _settings(groups)
    unpaired: list[str] = []
    tests = [None, *(_difference(group, groups[0], unpaired) for group in groups[1:])]
    found = [test for test in tests if test is not None]
    corrected = iter(holm([test.p_value for test in found]))
    lines = [
        Line(group, label, test, next(corrected) if test is not None else None)
        for group, label, test in zip(groups, _labels(groups, settings), tests, strict=True)
    ]
    return Comparison(tuple(lines), tuple(settings), tuple(remarks), tuple(dict.fromkeys(unpaired)))


def _untested(rows: Sequence[Row]) -> list[str]:
    """Return a remark on the runs without a test score, if there are any."""
    left_out = [row for row in rows if row.test is None]
    if not left_out:
        return []
    names = ", ".join(f"{row.run.name} ({row.status})" for row in left_out[:NAMED])
    more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
    return [f"Without a test score, and left out: {names}{more}."]


def _expect_one_data_set(rows: Sequence[Row]) -> None:
    first = rows[0]
    for row in rows[1:]:
        for name, words in (("dataset.name", "data"), ("dataset.class_names", "classes")):
            one, other = first.facts.get(name), row.facts.get(name)
            if one != other:
                raise SettingError(
                    f"{first.experiment}/{first.run.name} and {row.experiment}/{row.run.name} have "
                    f"different {words}, {one!r} and {other!r}: their scores say nothing of each "
                    "other. --force (in Python, force=True) compares them all the same."
                )


def _settings(groups: Sequence[Group]) -> list[str]:
    """Return the settings in which groups differ; epochs and batch size count, the seed does not."""
    names = differing_settings([group.first for group in groups])
    values = {str(group.first.facts.get("recipe.epochs")) for group in groups}
    epochs = ["epochs"] if len(values) > 1 else []
    return [*epochs, *(name for name in names if name != "seed")]


def _labels(groups: Sequence[Group], settings: Sequence[str]) -> list[str]:
    """Return a name for each group: the experiment, the settings that differ, the run if need be."""
    labels = []
    for group in groups:
        values = group.first.settings
        parts = [f"{name}={values[name]}" for name in settings if name in values]
        labels.append(" ".join([group.first.experiment, *parts]))
    return [
        label if labels.count(label) == 1 else f"{label} {group.first.run.name}"
        for label, group in zip(labels, groups, strict=True)
    ]


def _difference(group: Group, baseline: Group, remarks: list[str]) -> Difference | None:
    """Test a group against the baseline; a remark says why where that is not possible."""
    hashes = group.test_hashes | baseline.test_hashes
    if len(hashes) != 1 or "" in hashes:
        remarks.append(
            "Without a paired test: runs whose test items differ from the baseline's, or from seed to "
            "seed."
        )
        return None
    ours, theirs = group.is_correct, baseline.is_correct
    if ours is None or theirs is None or ours.shape[1] != theirs.shape[1]:
        remarks.append(
            "Without a paired test: runs that kept no answers, as cnnkit 0.1 did not at first."
        )
        return None
    if len(ours) == len(theirs) == 1:
        return mcnemar(ours[0], theirs[0])
    return paired_bootstrap(ours, theirs)
