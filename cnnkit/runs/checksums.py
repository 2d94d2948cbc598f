"""Write and check SHA256SUMS: the hashes of a folder's files, as the command `sha256sum` has them."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cnnkit.runs import atomic

NAME = "SHA256SUMS"


def text_of(contents: Mapping[str, bytes]) -> str:
    """Return the content of SHA256SUMS, which `sha256sum --check SHA256SUMS` reads.

    Args:
        contents: The contents of the files, by name.

    Returns:
        A line for each file.
    """
    return _table({name: hashlib.sha256(content).hexdigest() for name, content in contents.items()})


def write(folder: Path, names: Iterable[str]) -> None:
    """Hash files of a folder, and write SHA256SUMS beside them.

    Args:
        folder: The folder.
        names: The files, as paths in the folder.
    """
    atomic.write_text(folder / NAME, _table({name: _hash(folder / name) for name in names}))


def damaged(folder: Path, names: Iterable[str] | None = None) -> dict[str, str]:
    """Return the files of a folder that have changed since SHA256SUMS was written.

    Files that SHA256SUMS does not list are not read.

    Args:
        folder: The folder.
        names: The files to read; None for all that are listed.

    Returns:
        What is wrong with each file, by name. SHA256SUMS is one of them if it cannot be read.
    """
    try:
        text = (folder / NAME).read_bytes().decode("ascii", "replace")
    except OSError as error:
        return {NAME: f"cannot be read: {error.strerror}"}
    lines = [line.partition("  ") for line in text.splitlines()]
    digests = {name: digest for digest, _, name in lines}
    if not digests or _table(digests) != text or not all(map(_is_digest, digests.values())):
        return {NAME: "has changed since it was written"}
    reasons = {}
    for name, digest in digests.items():
        if names is not None and name not in names:
            continue
        try:
            if _hash(folder / name) != digest:
                reasons[name] = "has changed since it was written"
        except OSError as error:
            reasons[name] = f"cannot be read: {error.strerror}"
    return reasons


def names_below(folder: Path, leave_out: Iterable[str] = ()) -> list[str]:
    """Return the files of a folder that SHA256SUMS should list.

    Args:
        folder: The folder.
        leave_out: Files and folders directly in it that are left out.

    Returns:
        Relative paths, sorted, without SHA256SUMS itself.
    """
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
