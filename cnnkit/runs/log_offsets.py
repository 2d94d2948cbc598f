"""Cut logs that only grow, as TensorBoard's do, back to their size at a checkpoint."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

EVENTS = "tensorboard/**/events.*"


def sizes(folder: Path, others: Iterable[str | Path] = ()) -> dict[str, int]:
    """Return the sizes of a run's event files and of other files.

    Args:
        folder: The run folder.
        others: Paths of other files.

    Returns:
        Bytes by path: relative to the run folder for files inside it, else absolute.
    """
    sizes_by_name = {}
    for path in [*folder.glob(EVENTS), *(Path(each).absolute() for each in others)]:
        with contextlib.suppress(OSError):
            name = path.relative_to(folder) if path.is_relative_to(folder) else path
            sizes_by_name[name.as_posix()] = path.stat().st_size
    return sizes_by_name


def cut(folder: Path, known: Mapping[str, int]) -> None:
    """Cut files back to sizes that they had, and delete event files that were not there.

    Args:
        folder: The run folder.
        known: What `sizes` returned.
    """
    for path in folder.glob(EVENTS):
        if path.relative_to(folder).as_posix() not in known:
            path.unlink()
    for name, size in known.items():
        path = folder / name
        if path.is_file() and path.stat().st_size > size:
            os.truncate(path, size)
