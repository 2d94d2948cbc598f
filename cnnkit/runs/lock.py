"""One process at a time in a run folder."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from cnnkit.errors import RunFolderError

try:
    import fcntl
except ImportError:  # Windows has no flock, and two processes can meet there
    fcntl = None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run folder; raises RunFolderError, with its pid, if one is in.

    The operating system holds the lock, so that a process that dies, in whatever way, gives it up.
    """
    path = folder / "checkpoints" / ".lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be worked in: {error.strerror}.") from error
    try:
        if fcntl is not None:
            _take(descriptor, folder)
        with contextlib.suppress(OSError):  # a full disk is told where a checkpoint meets it
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"pid {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "of unknown number"
        raise RunFolderError(
            f"Another process works in {folder}: {holder}; let it finish, or end it."
        ) from None
    except OSError:
        pass  # a file system without locks is no reason not to train
