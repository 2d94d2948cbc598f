"""Let one process at a time work in a run folder."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cnnkit.errors import RunFolderError
from cnnkit.runs import files, making, records

try:
    import fcntl
except ImportError:  # Windows has no flock; reading a run works there all the same
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run folder.

    The operating system holds the lock and releases it when the process ends, however it ends.
    What a process left half-written when it was killed is deleted.

    Args:
        folder: The run folder.

    Yields:
        Nothing, while the folder is locked.

    Raises:
        RunFolderError: Another process works in the folder; the message has its number. Or the
            folder cannot be written.
    """
    path, no_links = folder / records.LOCK, getattr(os, "O_NOFOLLOW", 0)
    try:
        if Path(os.path.realpath(path.parent)) != Path(os.path.realpath(folder), path.parent.name):
            raise OSError(errno.EPERM, f"{path} is {files.REFUSED}")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | no_links, 0o644)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EPERM, f"{path} is {files.REFUSED}")
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be worked in: {error.strerror}.") from error
    try:
        if fcntl is not None:
            _take(descriptor, folder)
        before = os.pread(descriptor, 200, 0)
        _note(descriptor, making.holder().encode())
        making.remove_parts(folder.rglob(making.PARTS))
        try:
            yield
        finally:
            _note(descriptor, before)  # a command that is refused leaves the folder as it was
    finally:
        os.close(descriptor)


def _note(descriptor: int, text: bytes) -> None:
    with contextlib.suppress(OSError):  # a full disk is reported by the first checkpoint
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)


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
