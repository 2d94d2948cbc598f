"""Move bad files out of a data set, and back; nothing is ever deleted.

Files of ROOT go to the folder ROOT-quarantine beside it, under the paths they had. Its undo.jsonl
has a line for each file, written before the file is moved, so an interrupted move can be undone.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cnnkit import atomic
from cnnkit.errors import MissingDataError

UNDO = "undo.jsonl"


def quarantine_folder(root: str | os.PathLike) -> Path:
    """Return the folder for the bad files of a data set.

    Args:
        root: Folder of the data set.

    Returns:
        ROOT-quarantine, an absolute path, whether it exists or not.
    """
    root = Path(root).resolve()
    return root.with_name(f"{root.name}-quarantine")


def move_out(root: str | os.PathLike, paths: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Move files of a data set to its quarantine.

    Folders stay, and so do files behind a link that leads out of the data set.

    Args:
        root: Folder of the data set.
        paths: Of the files, below `root`.

    Returns:
        The paths that were moved, and {path: reason} of those that stay.
    """
    root, quarantine = Path(root).resolve(), quarantine_folder(root)
    moved, staying = [], {}
    for path in paths:
        reason = _why_not_movable(root, path)
        if reason is None:
            try:
                _move_out(root, path, quarantine)
                moved.append(path)
                continue
            except OSError as error:
                reason = f"cannot be moved: {error.strerror}"
        staying[path] = reason
    return moved, staying


def move_back(root: str | os.PathLike) -> tuple[list[str], dict[str, str]]:
    """Move files from the quarantine to where they were.

    Files that cannot be moved remain in undo.jsonl. Once it is empty, the quarantine is removed.

    Args:
        root: Folder of the data set.

    Returns:
        The paths that were moved back, and {path: reason} of those that stay in the quarantine.

    Raises:
        MissingDataError: The data set has no quarantine.
    """
    root, quarantine = Path(root).resolve(), quarantine_folder(root)
    undo = quarantine / UNDO
    try:
        lines = undo.read_text(encoding="utf-8").splitlines()
    except OSError:
        raise MissingDataError(f"There is no {undo}, so there is nothing to undo.") from None
    moved, staying, staying_lines = [], {}, []
    for line in reversed(lines):
        entry = _entry(line)
        if entry is None or not os.path.lexists(quarantine / entry["is"]):
            continue  # the move never happened, or was undone
        path = entry["was"]
        try:
            _move_back(quarantine / entry["is"], root / path)
            moved.append(path)
        except OSError as error:
            staying[path] = f"cannot be moved back: {error.strerror}"
            staying_lines.append(line)
    if staying_lines:
        atomic.write_text(undo, "\n".join(reversed(staying_lines)) + "\n")
    else:
        undo.unlink()
        _remove_empty_folders(quarantine)
    return moved, staying


def _why_not_movable(root: Path, path: str) -> str | None:
    file = root / path
    if not os.path.lexists(file):
        return "is not there"
    if file.is_dir() and not file.is_symlink():
        return "is a folder"
    if not file.parent.resolve().is_relative_to(root):
        return "lies outside the data set"
    return None


def _move_out(root: Path, path: str, quarantine: Path) -> None:
    target = _unused(quarantine / path)
    entry = {"was": path, "is": os.fspath(target.relative_to(quarantine))}
    with _folder(target.parent), _line(quarantine / UNDO, json.dumps(entry)):
        os.rename(root / path, target)


def _move_back(file: Path, target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(17, "something else is there now")
    with _folder(target.parent):
        os.rename(file, target)


@contextlib.contextmanager
def _folder(folder: Path) -> Iterator[None]:
    """Make a folder to move a file to; after an error, remove what was made."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError:
        for each in made:  # the innermost first
            with contextlib.suppress(OSError):
                os.rmdir(each)
        raise


@contextlib.contextmanager
def _line(path: Path, text: str) -> Iterator[None]:
    """Add a line to a file before what it describes is done; after an error, take it away."""
    before = path.stat().st_size if path.exists() else None
    try:
        with open(path, "a", encoding="ascii") as file:  # JSON escapes names of any bytes
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        yield
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink() if before is None else os.truncate(path, before)
        raise


def _remove_empty_folders(folder: Path) -> None:
    for path, *_ in os.walk(folder, topdown=False):
        with contextlib.suppress(OSError):  # not empty: it holds files that cnnkit did not move
            os.rmdir(path)


def _entry(line: str) -> dict | None:
    """Parse a line of undo.jsonl; None for a line that was cut off before its move."""
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, dict) and {"was", "is"} <= set(entry):
            return entry
    return None


def _unused(path: Path) -> Path:
    """Return the path, with a number if it exists already."""
    unused, number = path, 1
    while os.path.lexists(unused):
        number += 1
        unused = path.with_name(f"{path.name} ({number})")
    return unused
