"""Find experiment files, by name in the folder `experiments` or by path, and import them."""

import hashlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import cast

from cnnkit.errors import CnnkitError, SettingError, UnknownNameError, origin_of
from cnnkit.keras_import import import_keras
from cnnkit.user_code.source import import_from

FOLDER = Path("experiments")
PRIVATE = "_cnnkit_experiment_"  # before the names of modules that are experiment files
SPACE = "space"  # what a file calls the space of a search, which may be a function, too
_being_imported: list[Path] = []


def experiment_names() -> list[str]:
    """Return the names of the files in ./experiments, without importing them."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.py") if path.stem.isidentifier())


def find_file(word: str) -> Path:
    """Return the file of an experiment.

    Args:
        word: The name of a file in ./experiments, or the path of any file.

    Returns:
        The file's path.

    Raises:
        SettingError: There is no file of that path.
        UnknownNameError: There is no experiment of that name.
    """
    if word.endswith(".py") or "/" in word:
        if not Path(word).is_file():
            raise SettingError(f"There is no experiment file {word}; check its path.")
        return Path(word)
    path = FOLDER / f"{word}.py"
    if not path.is_file():
        raise UnknownNameError(f"experiment in {FOLDER}/", word, experiment_names())
    return path


def load(
    path: Path, function: str | None = None, *, copy_of: Path | None = None, package: str = ""
) -> Callable:
    """Import an experiment file under a private name, and return its function.

    Args:
        path: The file.
        function: The function's name; None for `experiment`, or for the file's only function.
        copy_of: The file of which `path` is a copy in a run folder. The module has its `__file__`
            and its private name, by which Keras finds the file's own classes.
        package: The package of the file, for its relative imports.

    Returns:
        The function.

    Raises:
        SettingError: The file fails, or has no such function. The message names the file's line.
    """
    import_keras()
    if path.suffix != ".py":
        raise SettingError(f"{path} is no Python file: its name does not end in .py.")
    original = (copy_of or path).absolute()
    module = _module_name(original, package)
    loader = _WithoutBytecode(module, os.fspath(path))
    spec = cast(ModuleSpec, importlib.util.spec_from_file_location(module, path, loader=loader))
    imported = importlib.util.module_from_spec(spec)
    imported.__file__ = os.fspath(original)  # data and helpers may lie beside it
    sys.modules[module] = imported  # inspect looks the source up there
    import_from(os.fspath(original.parent))
    _being_imported.append(path)
    try:
        loader.exec_module(imported)
    except (Exception, SystemExit) as error:
        del sys.modules[module]
        if isinstance(error, CnnkitError):
            raise
        origin = origin_of(error) or path
        if isinstance(error, ModuleNotFoundError):
            kept = "a run folder keeps a copy of that file alone, so " if copy_of else ""
            raise SettingError(
                f"{origin}: there is no module {error.name!r}, neither installed nor in "
                f"{original.parent}: {kept}install it, or set PYTHONPATH to the folder that has it."
            ) from error
        raise SettingError(f"{origin}: {type(error).__name__}: {error}") from error
    finally:
        _being_imported.pop()
    return _function_of(imported, function, path)


def refuse_while_importing(name: str) -> None:
    """Refuse to train in a script that is only imported, so that its function can be called.

    Args:
        name: What the script calls, for the message.

    Raises:
        SettingError: `load` is importing a file.
    """
    if _being_imported:
        raise SettingError(
            f"{_being_imported[-1]} calls {name} while it is imported, and would train once more: "
            'put that call, and what follows it, below `if __name__ == "__main__":`.'
        )


class _WithoutBytecode(SourceFileLoader):
    """Reads the source alone: bytecode in a run folder would be of nobody knows what source."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _function_of(module: ModuleType, name: str | None, path: Path) -> Callable:
    if callable(getattr(module, name or "experiment", None)):
        return getattr(module, name or "experiment")
    own = [
        each
        for each in vars(module).values()
        if inspect.isfunction(each) and each.__module__ == module.__name__
    ]
    by_name = {each.__name__: each for each in own}
    return by_name[chosen_name(list(by_name), name, path)]


def chosen_name(names: list[str], name: str | None, path: Path) -> str:
    """Return which of a file's functions is its experiment.

    Args:
        names: Of the functions that the file defines.
        name: The one that is wanted; None for `experiment`, or for the only public function.
        path: The file, for the message.

    Returns:
        One of the names.

    Raises:
        SettingError: The file has no such function.
    """
    public = [each for each in names if not each.startswith("_") and each != SPACE]
    if (name or "experiment") in names:
        return name or "experiment"
    if name is None and len(public) == 1:
        return public[0]
    listed = ", ".join(public) or "none"
    raise SettingError(
        f"{path} has no function named {name or 'experiment'!r}; its functions are {listed}. "
        "`cnnkit new --help` says how a file begins."
    )


def _module_name(path: Path, package: str) -> str:
    # An experiment may be called random.py, and two may have one name: neither replaces a module.
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    return f"{package}.{PRIVATE}{path.stem}_{digest}".lstrip(".")
