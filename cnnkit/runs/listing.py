"""Find runs: all of a folder, or the one that a word names."""

import os
from datetime import UTC, datetime
from pathlib import Path

from cnnkit.errors import RunFolderError, UnknownNameError
from cnnkit.runs.run import Run

MARKS = ("status.json", "experiment.json", "metrics.csv")  # a folder with one of them is a run

NEVER = datetime.min.replace(tzinfo=UTC)


def list_runs(runs_dir: str | os.PathLike = "runs") -> list[Run]:
    """Return every run of a folder.

    Args:
        runs_dir: The folder, which holds runs as EXPERIMENT/RUN. It need not exist.

    Returns:
        The runs, the oldest first. Broken runs are among them.
    """
    return sorted(map(Run, run_folders(runs_dir)), key=_started)


def run_folders(runs_dir: str | os.PathLike = "runs") -> list[Path]:
    """Return the folder of every run, without reading any.

    Args:
        runs_dir: As of `list_runs`.

    Returns:
        The folders, in no order.
    """
    folders = (path for each in _folders_in(Path(runs_dir)) for path in _folders_in(each))
    return [path for path in folders if any(os.path.exists(path / mark) for mark in MARKS)]


def resolve(word: str, runs_dir: str | os.PathLike = "runs") -> Run:
    """Return the run that a word names.

    Args:
        word: A run's folder, the start of its name, of EXPERIMENT/NAME, or "latest".
        runs_dir: The folder that holds the runs.

    Returns:
        The run.

    Raises:
        RunFolderError: The names of several runs start with the word.
        UnknownNameError: No run has such a name.
    """
    if any(os.path.exists(Path(word) / mark) for mark in MARKS):
        return Run(word)
    if word == "latest" and (runs := list_runs(runs_dir)):
        return runs[-1]
    runs = [Run(folder) for folder in sorted(run_folders(runs_dir))]  # no need to read thousands
    names = {run: (run.name, f"{run.folder.parent.name}/{run.name}") for run in runs}
    exact = [run for run in runs if word in names[run]]
    matches = exact or [run for run in runs if any(name.startswith(word) for name in names[run])]
    if len(matches) > 1:
        raise RunFolderError(
            f"{word!r} names {len(matches)} runs: {', '.join(names[run][1] for run in matches[:5])}"
            f"{', ...' if len(matches) > 5 else ''}; give more of the name."
        )
    if not matches:
        raise UnknownNameError(f"run under {runs_dir}", word, ["latest", *(r.name for r in runs)])
    return matches[0]


def _folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder but hidden ones; [] where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return [Path(each) for each in entries if each.is_dir() and each.name[0] != "."]
    except OSError:
        return []


def _started(run: Run) -> tuple[datetime, str]:
    """Return the key that sorts runs by time, the broken ones first."""
    try:
        return run.started or NEVER, run.name
    except RunFolderError:
        return NEVER, run.name
