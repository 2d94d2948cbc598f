"""Open the files of a run folder: regular files inside it, and nothing else.

A run folder may come from anybody. A name in it may lead out of the folder, by `..` or by a link, or
may be a pipe or a device, which would keep a reader waiting for ever.
"""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

MAX_TEXT_BYTES = 2**26  # far more than any record of a run; a larger file is not one
REFUSED = "not a regular file inside the run folder"


def open_file(folder: str | os.PathLike, name: str) -> BufferedReader:
    """Open a file of a run folder for reading.

    Args:
        folder: The run folder, or a folder inside it.
        name: The file's path in the folder, with "/" between its parts.

    Returns:
        The open file.

    Raises:
        OSError: There is no such file, it cannot be read, or it is not a regular file inside the
            folder. `strerror` says which.
    """
    path = Path(name)
    if "\0" in name or path.is_absolute() or ".." in path.parts:
        raise OSError(errno.EPERM, REFUSED, name)
    real = os.path.realpath(Path(folder) / path, strict=True)
    if not Path(real).is_relative_to(os.path.realpath(folder)):
        raise OSError(errno.EPERM, REFUSED, name)
    if not stat.S_ISREG(os.stat(real).st_mode):  # before it is opened, which a pipe would block
        raise OSError(errno.EPERM, REFUSED, name)
    return open(real, "rb")


def read_bytes(folder: str | os.PathLike, name: str, limit: int | None = MAX_TEXT_BYTES) -> bytes:
    """Read a file of a run folder.

    Args:
        folder: The run folder, or a folder inside it.
        name: The file's path in the folder.
        limit: The largest number of bytes that is read; None for any number.

    Returns:
        The file's content.

    Raises:
        OSError: As `open_file`, or the file is larger than the limit.
    """
    with open_file(folder, name) as file:
        if limit is not None and os.fstat(file.fileno()).st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit / 2**20:g} MiB", name)
        return file.read()


def is_regular(folder: str | os.PathLike, name: str) -> bool:
    """Return whether `open_file` would open a file.

    Args:
        folder: The run folder, or a folder inside it.
        name: The file's path in the folder.

    Returns:
        Whether it is a regular file inside the folder that can be read.
    """
    try:
        open_file(folder, name).close()
    except OSError:
        return False
    return True
