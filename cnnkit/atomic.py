"""Write files that are either complete or not there: to a temporary name, flushed, then renamed."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

PART = ".part"  # stands in the names of files and folders while they are written


def is_part(path: PurePath) -> bool:
    """Return whether a path is that of something that is being written, or was when it broke off.

    Args:
        path: A path in a folder, relative to it.

    Returns:
        Whether a part of it is the name of a temporary file or folder.

    >>> is_part(PurePath(".model.4711.part.keras")), is_part(PurePath("model.keras"))
    (True, False)
    """
    return any(name.startswith(".") and PART in name for name in path.parts)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Replace a file by what is written to a temporary one.

    After an error the temporary file is removed, and `path` stays as it was. A link stays a link:
    the file that it leads to is replaced. What is no file, such as /dev/null, is written to itself.

    Args:
        path: The file.

    Yields:
        The path of the temporary file, with the same suffix.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        yield path
        return
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{PART}{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically.

    Args:
        path: The file.
        content: Its bytes.
    """
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_folder(path: Path, contents: Mapping[str, bytes]) -> None:
    """Write a new folder of files atomically: it gets its name once all of its files are on disk.

    Args:
        path: The folder.
        contents: The bytes of each file, by name.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    shutil.rmtree(temporary, ignore_errors=True)  # of an earlier process with this number
    temporary.mkdir(parents=True)
    try:
        for name, content in contents.items():
            with open(temporary / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _flush_folder(temporary)
        os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    _flush_folder(path.parent)


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Replace a folder by what is written to a temporary one.

    After an error the temporary folder is removed, and `path` stays as it was.

    Args:
        path: The folder, which need not exist.

    Yields:
        The temporary folder, empty. The files in it are flushed before it gets its name.
    """
    path = Path(os.path.realpath(path))
    temporary = path.with_name(f".{path.name}.{os.getpid()}{PART}")
    earlier = path.with_name(f".{path.name}.{os.getpid()}.old{PART}")
    for each in (temporary, earlier):  # of an earlier process with this number
        shutil.rmtree(each, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for folder, _, files in os.walk(temporary):
            for name in files:
                with open(Path(folder, name), "rb+") as file:
                    os.fsync(file.fileno())
            _flush_folder(Path(folder))
        if path.exists():
            os.rename(path, earlier)
        try:
            os.rename(temporary, path)
        except OSError:
            if earlier.exists():
                os.rename(earlier, path)
            raise
        _flush_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(earlier, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, as UTF-8.

    Args:
        path: The file.
        text: Its text. What is no character, such as half of a surrogate pair from the name of a
            file, is written as an escape, which JSON reads back.
    """
    write_bytes(path, text.encode(errors="backslashreplace"))


def write_json(path: Path, content) -> None:
    """Write a JSON file atomically.

    Args:
        path: The file.
        content: Dicts, lists, tuples, texts, numbers, NumPy arrays and paths. Numbers that are not
            finite become null, because JSON has no such numbers.
    """
    write_text(path, json.dumps(_finite(content), indent=2, ensure_ascii=False) + "\n")


def as_read(content):
    """Return what comes back from a file of `write_json`: lists for tuples, texts for paths.

    Args:
        content: What `write_json` takes.

    Returns:
        The content as JSON has it.
    """
    return json.loads(json.dumps(_finite(content)))


def _finite(content):
    if isinstance(content, dict):
        return {str(key): _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    if hasattr(content, "tolist"):
        return _finite(content.tolist())
    if isinstance(content, float) and not abs(content) < float("inf"):
        return None
    if isinstance(content, os.PathLike):
        return os.fspath(content)
    return content


def _flush_folder(folder: Path) -> None:
    # A rename survives a power cut only once its folder has been flushed, too.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
