"""Damaged weights files in Keras' cache are renamed, never deleted."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace


def move_aside(path: Path) -> Path:
    """Rename FILE.h5 to FILE.damaged.h5, or to .damaged2.h5 and so on if that exists.

    Args:
        path: The file.

    Returns:
        Its new path.
    """
    names = (
        f".damaged{number if number > 1 else ''}{path.suffix}" for number in itertools.count(1)
    )
    renamed = next(new for new in map(path.with_suffix, names) if not new.exists())
    os.replace(path, renamed)
    return renamed


@contextlib.contextmanager
def keep_if_deleted(path: Path) -> Iterator[SimpleNamespace]:
    """Keep a copy under another name of a file that is deleted inside the block.

    Keras deletes a file of an unknown hash, even if it then cannot download it again.

    Args:
        path: The file.

    Yields:
        A namespace whose `moved_to` is the kept file's path after the block, or None if the file
        was not deleted.
    """
    deleted = SimpleNamespace(moved_to=None)
    link = path.with_name(f"{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        os.link(path, link)  # not a copy: some files have hundreds of megabytes
    except OSError:  # there is no file, or the file system has no hard links
        yield deleted
        return
    try:
        yield deleted
    finally:
        if path.exists():
            link.unlink()
        else:
            os.replace(link, path)
            deleted.moved_to = move_aside(path)
