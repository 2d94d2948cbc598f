"""SHA256SUMS: what a folder's files should hash to, in the format of the command `sha256sum`."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cnnkit.runs import atomic

NAME = "SHA256SUMS"


def text_of(contents: Mapping[str, bytes]) -> str:
    """Return the table of these files: `sha256sum --check SHA256SUMS` reads it, too."""
    return _table({name: hashlib.sha256(content).hexdigest() for name, content in contents.items()})


def write(folder: Path, names: Iterable[str]) -> None:
    """Hash these files of a folder, and write the table beside them."""
    found = {name: _hash(folder / name) for name in names}
    atomic.write_text(folder / NAME, _table(found))


def damaged(folder: Path) -> dict[str, str]:
    """Return the files of a folder's table that are no longer what they were, and why.

    A table that cannot be read is itself the damaged file. Files that the table does not name are
    not looked at.
    """
    try:
        text = (folder / NAME).read_bytes().decode("ascii", "replace")
    except OSError as error:
        return {NAME: f"cannot be read: {error.strerror}"}
    lines = [line.partition("  ") for line in text.splitlines()]
    told = {name: digest for digest, _, name in lines}
    if not told or _table(told) != text or not all(map(_is_digest, told.values())):
        return {NAME: "has changed since it was written"}
    found = {}
    for name, digest in told.items():
        try:
            if _hash(folder / name) != digest:
                found[name] = "has changed since it was written"
        except OSError as error:
            found[name] = f"cannot be read: {error.strerror}"
    return found


def names_below(folder: Path, leave_out: Iterable[str] = ()) -> list[str]:
    """Return every file below a folder but its own table and whole folders, as relative paths."""
    left_out = {*leave_out}
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        path.as_posix() for path in paths if path.parts[0] not in left_out and str(path) != NAME
    )


def _table(digests: Mapping[str, str]) -> str:
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def _hash(path: os.PathLike) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
