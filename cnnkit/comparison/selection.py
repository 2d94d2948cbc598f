"""Choose the runs to compare: by name, by a condition, or both."""

import os
from collections.abc import Sequence

from cnnkit.comparison.groups import place_of
from cnnkit.errors import SettingError
from cnnkit.runs import where as conditions
from cnnkit.runs.comparison import Row, rows_of
from cnnkit.runs.index import indexed_rows
from cnnkit.runs.listing import resolve
from cnnkit.runs.run import Run


def select(
    words: Sequence[str | os.PathLike | Run],
    *,
    where: str | None = None,
    runs_dir: str | os.PathLike = "runs",
) -> list[Row]:
    """Return the rows of the runs that are named, and of those that match a condition.

    Args:
        words: Runs, folders, starts of names, or "latest".
        where: A condition on all runs, as `cnnkit.runs.where.parse` takes it; None for none.
        runs_dir: The folder that holds the runs.

    Returns:
        The rows, each run once; those that are named come first.

    Raises:
        SettingError: The condition does not parse, or nothing was asked for.
        UnknownNameError: No run has such a name.
    """
    if not words and where is None:
        raise SettingError(
            "Name the runs to compare, or choose them with a condition such as "
            '--where "dataset=digits and epochs>=10".'
        )
    condition = None if where is None else conditions.parse(where)
    runs = [each if isinstance(each, Run) else resolve(os.fspath(each), runs_dir) for each in words]
    rows = list({place_of(row): row for row in rows_of(runs)}.values())
    if condition is not None:
        named = set(map(place_of, rows))
        matching = condition.choose(indexed_rows(runs_dir))
        rows += [row for row in matching if place_of(row) not in named]
        if not rows:
            raise SettingError(f"No run in {runs_dir} matches {where!r}; `cnnkit runs` lists them.")
    return rows
