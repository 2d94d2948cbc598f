"""Write and check SHA256SUMS: the hashes of a folder's files, as the command `sha256sum` has them."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from cnnkit import atomic
from cnnkit.runs import files

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
    atomic.write_text(folder / NAME, _table({name: _hash(folder, name) for name in names}))


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
        text = files.read_bytes(folder, NAME).decode("utf-8", "replace")
    except OSError as error:
        return {NAME: f"cannot be read: {error.strerror}"}
    lines = [line.partition("  ") for line in text.removesuffix("\n").split("\n")]
    digests = {name: digest for digest, _, name in lines}
    if not digests or _table(digests) != text or not all(map(_is_digest, digests.values())):
        return {NAME: "has changed since it was written"}
    reasons = {}
    for name, digest in digests.items():
        if names is not None and name not in names:
            continue
        try:
            if _hash(folder, name) != digest:
                reasons[name] = "has changed since it was written"
        except OSError as error:
            reasons[name] = f"cannot be read: {error.strerror}"
    return reasons


def has_changed(folder: Path, name: str) -> bool:
    """Return whether one file of a folder has changed since SHA256SUMS was written.

    Args:
        folder: The folder.
        name: The file, as a path in the folder.

    Returns:
        False, too, where SHA256SUMS does not list the file, as while a run trains.

    Raises:
        OSError: The file cannot be read.
    """
    try:
        lines = files.read_bytes(folder, NAME).decode("ascii", "replace").splitlines()
    except OSError:
        return False
    digests = [line.partition("  ")[0] for line in lines if line.partition("  ")[2] == name]
    return bool(digests) and digests[0] != _hash(folder, name)


def renew(folder: Path, name: str, content: bytes) -> None:
    """Note the new content of one file in SHA256SUMS; all other lines stay as they are.

    Args:
        folder: The folder.
        name: The file, as a path in the folder. A file that is not listed stays unlisted.
        content: What it holds now.
    """
    try:
        lines = files.read_bytes(folder, NAME).decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    digest = hashlib.sha256(content).hexdigest()
    renewed = [f"{digest}  {name}" if line[66:] == name else line for line in lines]
    atomic.write_text(folder / NAME, "".join(f"{line}\n" for line in renewed))


def names_below(folder: Path, leave_out: Iterable[str] = ()) -> list[str]:
    """Return the files of a folder that SHA256SUMS should list: regular ones that are complete.

    Args:
        folder: The folder.
        leave_out: Files and folders directly in it that are left out.

    Returns:
        Relative paths, sorted, without SHA256SUMS itself.
    """
    left_out = {NAME, *leave_out}
    paths = (path.relative_to(folder) for path in folder.rglob("*"))
    return sorted(
        path.as_posix()
        for path in paths
        if path.parts[0] not in left_out
        and not atomic.is_part(path)
        and files.is_regular(folder, path.as_posix())
    )


def _table(digests: Mapping[str, str]) -> str:
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def _hash(folder: Path, name: str) -> str:
    with files.open_file(folder, name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
