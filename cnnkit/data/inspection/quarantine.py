"""Bad files moved out of a data set, and back: nothing is ever deleted.

They go to the folder ROOT-quarantine beside ROOT, under the paths they had. Its undo.jsonl has a
line for each, written before the file is moved, so that an interrupted move can be undone, too.
"""

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from cnnkit.errors import MissingDataError

UNDO = "undo.jsonl"


def quarantine_folder(root: str | os.PathLike) -> Path:
    """Return the folder that takes the bad files of a data set."""
    root = Path(root).resolve()
    return root.with_name(f"{root.name}-quarantine")


def move_out(root: str | os.PathLike, paths: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Move files, given by their paths below root, to the quarantine.

    Returns (paths moved, {path: why it stays}). Folders stay, and what lies outside root, behind a
    link: only what belongs to the data set is touched.
    """
    root, target = Path(root).resolve(), quarantine_folder(root)
    moved, kept = [], {}
    for path in paths:
        file = root / path
        if not os.path.lexists(file):
            kept[path] = "is not there"
        elif file.is_dir() and not file.is_symlink():
            kept[path] = "is a folder"
        elif not file.parent.resolve().is_relative_to(root):
            kept[path] = "lies outside the data set"
        else:
            place = _free(target / path)
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                with open(target / UNDO, "a", encoding="utf-8") as undo:
                    line = {"was": path, "is": os.fspath(place.relative_to(target))}
                    undo.write(json.dumps(line) + "\n")  # ASCII, whatever bytes a name is made of
                    undo.flush()
                    os.fsync(undo.fileno())
                os.rename(file, place)
                moved.append(path)
            except OSError as error:
                kept[path] = f"cannot be moved: {error.strerror}"
    return moved, kept


def move_back(root: str | os.PathLike) -> tuple[list[str], dict[str, str]]:
    """Move files from the quarantine to where they were.

    Returns (paths moved, {path: why it stays}). What stays remains in undo.jsonl; where nothing
    does, the empty quarantine is removed. Raises MissingDataError where there is none.
    """
    root, target = Path(root).resolve(), quarantine_folder(root)
    try:
        lines = (target / UNDO).read_text(encoding="utf-8").splitlines()
    except OSError:
        raise MissingDataError(f"There is no {target / UNDO}, so nothing to undo.") from None
    moved, kept, rest = [], {}, []
    for line in reversed(lines):
        entry = _entry(line)
        if entry is None:
            continue
        was, place = entry["was"], target / entry["is"]
        if not os.path.lexists(place):
            continue  # the move never happened, or was undone
        try:
            if os.path.lexists(root / was):
                raise FileExistsError(17, "something else is there now")
            (root / was).parent.mkdir(parents=True, exist_ok=True)
            os.rename(place, root / was)
            moved.append(was)
        except OSError as error:
            kept[was] = f"cannot be moved back: {error.strerror}"
            rest.append(line)
    if rest:
        (target / UNDO).write_text("\n".join(reversed(rest)) + "\n", encoding="utf-8")
    else:
        (target / UNDO).unlink()
        for folder, *_ in os.walk(target, topdown=False):
            with contextlib.suppress(OSError):  # not empty: something is there that is not ours
                os.rmdir(folder)
    return moved, kept


def _entry(line: str) -> dict | None:
    """Return a line of undo.jsonl; None where it was cut off before the move."""
    with contextlib.suppress(ValueError):
        entry = json.loads(line)
        if isinstance(entry, dict) and {"was", "is"} <= set(entry):
            return entry
    return None


def _free(path: Path) -> Path:
    """Return the path, with a number where something is there already."""
    place, number = path, 1
    while os.path.lexists(place):
        number += 1
        place = path.with_name(f"{path.name} ({number})")
    return place
