"""cnnkit.compare: runs beside each other as a pandas frame."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnkit.comparison.comparison import Comparison, compare_rows
from cnnkit.comparison.forms import records_of
from cnnkit.comparison.groups import grouped
from cnnkit.comparison.selection import select
from cnnkit.errors import SettingError
from cnnkit.runs.run import Run

if TYPE_CHECKING:
    import pandas


def comparison_of(
    runs: Sequence[str | os.PathLike | Run],
    *,
    where: str | None = None,
    runs_dir: str | os.PathLike = "runs",
    baseline: str | os.PathLike | Run | None = None,
    each: bool | None = None,
    force: bool = False,
) -> Comparison:
    """Choose runs and compare them.

    Args:
        runs: As of `compare`.
        where: As of `compare`.
        runs_dir: As of `compare`.
        baseline: As of `compare`.
        each: As of `compare`.
        force: As of `compare`.

    Returns:
        The comparison.

    Raises:
        SettingError: As of `compare`.
        UnknownNameError: As of `compare`.
    """
    rows = select(runs, where=where, runs_dir=runs_dir)
    first = None if baseline is None else select([baseline], runs_dir=runs_dir)[0]
    if each is None:
        each = where is None and len(rows) == 2 and len(grouped(rows)) == 1
    return compare_rows(rows, baseline=first, each=each, force=force)


def compare(
    *runs: str | os.PathLike | Run,
    where: str | None = None,
    runs_dir: str | os.PathLike = "runs",
    baseline: str | os.PathLike | Run | None = None,
    each: bool | None = None,
    force: bool = False,
) -> "pandas.DataFrame":
    """Compare runs: a row for each recipe, with means and 95 % intervals over its seeds.

    Args:
        *runs: Runs, folders, starts of names, or "latest".
        where: A condition on all runs, such as "dataset=digits and epochs>=10"; see
            `cnnkit.runs.where`.
        runs_dir: The folder that holds the runs.
        baseline: The run with whose recipe the others are compared; the first one if None.
        each: Whether every run has a row of its own. None does that if just two runs are named and
            differ in their seed alone.
        force: Whether runs of different data sets may be compared.

    Returns:
        A frame with the settings that differ, `runs`, `seeds`, `test` with `test_low` and
        `test_high`, `validation`, `parameters`, `seconds`, and the paired test against the baseline:
        `difference`, `p_value` and `p_holm`. Its `attrs["remarks"]` are sentences on what was left
        out.

    Raises:
        SettingError: pandas is not installed, the condition does not parse, no run was tested, or
            data sets differ.
        UnknownNameError: No run has such a name.
    """
    try:
        import pandas  # not everybody has it, and commands must not pay for it
    except ImportError:
        raise SettingError(
            "cnnkit.compare returns a pandas frame, and pandas is not installed: "
            "`pip install pandas`, or use `cnnkit compare` on the command line."
        ) from None
    found = comparison_of(
        runs, where=where, runs_dir=runs_dir, baseline=baseline, each=each, force=force
    )
    frame = pandas.DataFrame(records_of(found))
    frame.attrs["remarks"] = list(found.remarks)
    return frame
