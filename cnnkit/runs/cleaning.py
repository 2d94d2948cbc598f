"""Free the disk of what runs no longer need, by rules that say what and why."""

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnkit import atomic
from cnnkit.errors import RunFolderError
from cnnkit.runs import making, records
from cnnkit.runs.comparison import Row
from cnnkit.runs.lock import locked
from cnnkit.runs.run import Run

ENDED = ("finished", "failed", "interrupted")


@dataclass(frozen=True)
class Removal:
    """Something that a rule removes.

    Attributes:
        run: The run that it belongs to.
        path: The file or folder.
        bytes: How much of the disk it takes.
        reason: The rule, in words.
    """

    run: Run
    path: Path
    bytes: int
    reason: str


def removals(
    rows: Iterable[Row], *, unfinished: bool = False, whole: bool = False
) -> list[Removal]:
    """Return what the rules would remove, without removing anything.

    The rules, of which the first that fits a run's part counts:

    1. A run that ended before its first epoch: its folder.
    2. With `whole`, every run that has ended: its folder.
    3. With `unfinished`, a run that failed or was interrupted: its folder.
    4. A finished run: its checkpoints, from which nothing is left to resume.
    5. Temporary files whose process is gone.

    A run that is at work, or cannot be read, is left alone.

    Args:
        rows: Rows of the runs to look at.
        unfinished: Whether to remove runs that failed or were interrupted; they can still be resumed.
        whole: Whether to remove each of the runs, for a choice made by a condition.

    Returns:
        What to remove, in the order of the rows.
    """
    return [each for row in rows for each in _of_run(row, unfinished, whole)]


def remove(chosen: Sequence[Removal]) -> list[tuple[Removal, str]]:
    """Remove files and folders; each run is locked meanwhile.

    Args:
        chosen: What `removals` returned.

    Returns:
        What could not be removed, with the reason.
    """
    failed = []
    for each in chosen:
        try:
            with locked(each.run.folder):
                if each.run.status["state"] not in ENDED:
                    raise RunFolderError("it is at work again")
                _delete(each)
        except (OSError, RunFolderError) as error:
            failed.append((each, str(error)))
    return failed


def _of_run(row: Row, unfinished: bool, whole: bool) -> Iterator[Removal]:
    run = row.run
    if row.status not in ENDED:
        return
    reason = None
    if row.status != "finished" and not row.epochs:
        reason = "ended before its first epoch"
    elif whole:
        reason = f"chosen, {row.status}"
    elif unfinished and row.status != "finished":
        reason = f"{row.status}, and --unfinished was given"
    if reason is not None:
        yield Removal(run, run.folder, _size(run.folder), reason)
        return
    checkpoints = run.folder / "checkpoints"
    kept = _size(checkpoints) - _size(run.folder / records.LOCK)
    if row.status == "finished" and kept > 0:
        yield Removal(run, checkpoints, kept, "checkpoints of a finished run")
    for path in _left_over(run.folder):
        yield Removal(run, path, _size(path), "left half-written by a process that is gone")


def _left_over(folder: Path) -> Iterator[Path]:
    """Yield temporary files outside checkpoints, which go as one, that no process writes."""
    for path in sorted(folder.rglob(making.PARTS)):
        if making.is_left_over(path) and path.relative_to(folder).parts[0] != "checkpoints":
            yield path


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; links count as themselves."""
    if not path.is_dir() or path.is_symlink():
        return path.lstat().st_size if os.path.lexists(path) else 0
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


def _delete(removal: Removal) -> None:
    run, path = removal.run, removal.path
    if path.is_symlink() or run.folder.is_symlink():
        raise RunFolderError(f"{path} is a link, which is left alone")
    if path == run.folder / "checkpoints":
        for inside in path.iterdir():
            if inside != run.folder / records.LOCK:  # which this process holds
                _delete_one(inside)
    elif path == run.folder:
        hidden = path.with_name(f".{path.name}.{os.getpid()}{atomic.PART}")
        os.rename(path, hidden)  # nobody sees half a run
        shutil.rmtree(hidden)
        with contextlib.suppress(OSError):  # the experiment has other runs
            path.parent.rmdir()
    elif os.path.lexists(path):  # locking the folder removes temporary files, too
        _delete_one(path)


def _delete_one(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
