"""Where an experiment's code comes from, and the folder and import path that it was called in."""

import contextlib
import importlib
import inspect
import os
import site
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

OF_A_CELL = """\
# {name} was defined in a notebook's cell or at a prompt. What it imports and refers to is not in
# this file, so it can be called only where it was defined. To go on with the run, call there
#     cnnkit.resume({name}, run)
"""
PACKAGES = ("purelib", "platlib")  # of sysconfig: where pip installs
# Modules that lie beside experiments. Those of two experiments may have one name.
_beside_experiments: set[str] = set()


def source_record(function: Callable) -> dict:
    """Return where an experiment's function is defined and what it needs to be imported again.

    Args:
        function: The experiment's function.

    Returns:
        What JSON can hold: `module`, `package`, `file` and `function`; `importable`, whether the
        file has the function under its name; `working_folder` and `import_path`, as they are now.
    """
    file, names = _file_of(function), inspect.unwrap(function).__globals__
    return {
        "module": function.__module__,
        "package": names.get("__package__") or "",
        "file": file and os.fspath(file),
        "function": function.__name__,
        "importable": file is not None and names.get(function.__name__) is function,
        "working_folder": os.getcwd(),
        "import_path": _import_path(),
    }


def source_text(function: Callable) -> bytes:
    """Return the source of an experiment.

    Args:
        function: The experiment's function.

    Returns:
        The content of its file. If it has none, its own source below a comment that says so.
    """
    file = _file_of(function)
    if file is not None:
        return file.read_bytes()
    comment = OF_A_CELL.format(name=function.__name__)
    try:
        return f"{comment}\n{inspect.getsource(function)}".encode()
    except (OSError, TypeError):  # typed at Python's prompt, or piped into it
        return comment.encode()


@contextlib.contextmanager
def surroundings(source: dict) -> Iterator[None]:
    """Work in the folder, and with the import path, that an experiment was called in.

    Args:
        source: What `source_record` returned then. A folder that is gone is not entered.

    Yields:
        Nothing, while the working folder and the import path are those.
    """
    folder = source["working_folder"]
    with contextlib.ExitStack() as stack:
        if os.path.isdir(folder):
            stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(_importing_from(source["import_path"]))
        yield


def import_from(folder: str) -> None:
    """Let modules of a folder be imported: after Python's own, which none may hide, before others.

    Args:
        folder: The folder's absolute path.
    """
    if folder not in sys.path:
        places = [place for place, entry in enumerate(sys.path) if _is_of_packages(entry)]
        sys.path.insert(min(places, default=len(sys.path)), folder)


@contextlib.contextmanager
def _importing_from(folders: Iterable[str]) -> Iterator[None]:
    before, known = list(sys.path), set(sys.modules)
    folders = [folder for folder in folders if os.path.isdir(folder)]
    for folder in folders:
        import_from(folder)
    for name in [each for each in _beside_experiments if each in sys.modules]:
        if not _lies_in(sys.modules[name], folders):  # another experiment's `helpers`
            del sys.modules[name]
    importlib.invalidate_caches()  # a file may be newer than what Python knows of its folder
    try:
        yield
    finally:
        sys.path[:] = before
        added = [folder for folder in folders if folder not in before]
        new = set(sys.modules) - known
        _beside_experiments.update(name for name in new if _lies_in(sys.modules[name], added))


def _lies_in(module, folders: Iterable[str]) -> bool:
    file = getattr(module, "__file__", None) or ""
    return bool(file) and any(Path(file).is_relative_to(folder) for folder in folders)


def _file_of(function: Callable) -> Path | None:
    """Return the file that a function was read from; None for a cell, a prompt or `python -c`."""
    plain = inspect.unwrap(function)
    file, spec = plain.__globals__.get("__file__"), plain.__globals__.get("__spec__")
    # After `python -i file.py`, functions that are typed at the prompt have the file's globals.
    files = (file, getattr(spec, "origin", None))
    names = {Path(each).name for each in files if each is not None}
    if file and Path(plain.__code__.co_filename).name in names and Path(file).is_file():
        return Path(file).absolute()
    return None


def _import_path() -> list[str]:
    """Return the folders that modules are imported from, without Python's own and pip's."""
    standard = sysconfig.get_path("stdlib")
    folders = (os.path.abspath(entry) for entry in sys.path if os.path.isdir(entry or os.curdir))
    return [
        folder
        for folder in dict.fromkeys(folders)
        if not _is_of_packages(folder) and not Path(folder).is_relative_to(standard)
    ]


def _is_of_packages(folder: str) -> bool:
    installed = {sysconfig.get_path(name) for name in PACKAGES}
    return folder in installed.union(site.getsitepackages(), [site.getusersitepackages()])
