"""Find experiment files, by name in the folder `experiments` or by path, and import them."""

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from cnnkit.errors import CnnkitError, SettingError, UnknownNameError, origin_of
from cnnkit.keras_import import import_keras

FOLDER = Path("experiments")
PRIVATE = "_cnnkit_experiment_"  # before the names of modules that are experiment files


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


def load(path: Path, function: str = "experiment", module: str | None = None) -> Callable:
    """Import an experiment file under a private name, and return its function.

    Args:
        path: The file.
        function: The function's name.
        module: The private name that an earlier `load` gave the module. A copy of the file in a
            run folder takes it, so that Keras finds the file's own classes. Other names are ignored.

    Returns:
        The function.

    Raises:
        SettingError: The file fails, or has no such function. The message names the file's line.
    """
    import_keras()
    if module is None or not module.startswith(PRIVATE):
        module = _module_name(path)
    spec = importlib.util.spec_from_file_location(module, path)
    if spec is None or spec.loader is None:
        raise SettingError(f"{path} is no Python file: its name does not end in .py.")
    imported = importlib.util.module_from_spec(spec)
    sys.modules[module] = imported  # inspect looks the source up there
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.append(folder)  # for helpers beside it; last, so that none hides Python's modules
    try:
        spec.loader.exec_module(imported)
    except CnnkitError:
        raise
    except Exception as error:
        del sys.modules[module]
        origin = origin_of(error) or path
        raise SettingError(f"{origin}: {type(error).__name__}: {error}") from error
    if not callable(getattr(imported, function, None)):
        raise SettingError(f"{path} has no function named {function!r}; see `cnnkit new --help`.")
    return getattr(imported, function)


def _module_name(path: Path) -> str:
    # An experiment may be called random.py, and two may have one name: neither replaces a module.
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    return f"{PRIVATE}{path.stem}_{digest}"
