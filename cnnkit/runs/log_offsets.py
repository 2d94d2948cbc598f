"""Cut logs that only grow, as TensorBoard's do, back to their size at a checkpoint."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cnnkit.runs import files

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


def cut(folder: Path, known: Mapping[str, int], others: Iterable[str | Path] = ()) -> None:
    """Cut files back to sizes that they had, and delete event files that were not there.

    A checkpoint may be somebody else's: files outside the run folder are cut only if they are among
    `others`, and what a link leads to is left alone.

    Args:
        folder: The run folder.
        known: What `sizes` returned.
        others: Paths of other files, as `sizes` took them.
    """
    for path in folder.glob(EVENTS):
        name = path.relative_to(folder).as_posix()
        if name not in known and files.is_regular(folder, name):
            path.unlink()
    outside = {Path(each).absolute().as_posix() for each in others}
    for name, size in known.items():
        path = folder / name
        if not (files.is_regular(folder, name) or (name in outside and path.is_file())):
            continue
        if path.stat().st_size > size:
            os.truncate(path, size)
