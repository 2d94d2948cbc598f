"""Files that only grow, as TensorBoard's do: how long they were at a checkpoint, and back to that."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

EVENTS = "tensorboard/**/events.*"


def sizes(folder: Path, others: Iterable[str | Path] = ()) -> dict[str, int]:
    """Return the bytes of a run's event files, by path in the folder, and of other files."""
    found = {}
    for path in [*folder.glob(EVENTS), *(Path(each).absolute() for each in others)]:
        with contextlib.suppress(OSError):
            name = path.relative_to(folder) if path.is_relative_to(folder) else path
            found[name.as_posix()] = path.stat().st_size
    return found


def cut(folder: Path, known: Mapping[str, int]) -> None:
    """Bring these files back to these sizes, and delete event files that are not among them."""
    for path in folder.glob(EVENTS):
        if path.relative_to(folder).as_posix() not in known:
            path.unlink()
    for name, size in known.items():
        path = folder / name
        if path.is_file() and path.stat().st_size > size:
            os.truncate(path, size)
