"""Weights files in Keras' cache that turn out to be damaged: moved aside, never deleted."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace


def move_aside(path: Path) -> Path:
    """Rename FILE.h5 to FILE.damaged.h5, or to .damaged2.h5 and so on, and return the new path."""
    for number in itertools.count(1):
        aside = path.with_suffix(f".damaged{number if number > 1 else ''}{path.suffix}")
        if not aside.exists():
            os.replace(path, aside)
            return aside


@contextlib.contextmanager
def kept_if_deleted(path: Path) -> Iterator[SimpleNamespace]:
    """Keep a file that is deleted inside the block, aside; `.aside` then says where, else None.

    Keras deletes a file with another hash than it knows where it cannot fetch it anew.
    """
    found = SimpleNamespace(aside=None)
    second = path.with_name(f"{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        os.link(path, second)  # no copy: some files have hundreds of megabytes
    except OSError:  # not there, or on a disk without second names
        yield found
        return
    try:
        yield found
    finally:
        if path.exists():
            second.unlink()
        else:
            os.replace(second, path)
            found.aside = move_aside(path)
