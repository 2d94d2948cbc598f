"""Which paths are opened at all: regular files of this machine."""

import os
import re
import stat
from pathlib import Path

from cnnkit.errors import MissingDataError, RefusedFileError

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)  # pathlib makes one slash of two


def is_address(path: str | os.PathLike) -> bool:
    """Return whether a path is an address such as gs://bucket/file, and no file of that name."""
    return bool(_ADDRESS.match(os.fspath(path))) and not os.path.exists(path)


def check_local_file(path: str | os.PathLike, what: str) -> int:
    """Check that a path is a regular file on this machine.

    Args:
        path: The path; a symbolic link counts as what it points to.
        what: What the file is, for the message: "weights file".

    Returns:
        The file's size in bytes.

    Raises:
        MissingDataError: There is no such file.
        RefusedFileError: It is an address, a folder, a device or a pipe.
    """
    if is_address(path):
        raise RefusedFileError(
            f"{path} is an address, and a {what} is read from this machine only: download it first."
        )
    try:
        status = Path(path).stat()
    except (OSError, ValueError):  # a ValueError where there is a null byte in it
        raise MissingDataError(f"There is no {what} {path}; check its path.") from None
    if stat.S_ISDIR(status.st_mode):
        raise RefusedFileError(f"{path} is a folder, and a {what} is one file: name that file.")
    if not stat.S_ISREG(status.st_mode):
        raise RefusedFileError(
            f"{path} is a device or a pipe, and a {what} is a regular file: copy it into one."
        )
    return status.st_size
