"""Finding experiments: by name in the folder `experiments`, or by path."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from cnnkit import keras_import
from cnnkit.errors import CnnkitError, SettingError, UnknownNameError, origin_of
from cnnkit.runs import Run

FOLDER = Path("experiments")


def experiment_names() -> list[str]:
    """Return the names of the files in ./experiments, which are not imported."""
    return sorted(path.stem for path in FOLDER.glob("[!_]*.py") if path.stem.isidentifier())


def find(word: str) -> Path:
    """Return the file of an experiment named by its name or path.

    Raises SettingError for a file that is not there, UnknownNameError for an unknown name.
    """
    if word.endswith(".py") or "/" in word:
        if not Path(word).is_file():
            raise SettingError(f"There is no experiment file {word}; check its path.")
        return Path(word)
    path = FOLDER / f"{word}.py"
    if not path.is_file():
        raise UnknownNameError(f"experiment in {FOLDER}/", word, experiment_names())
    return path


def load(path: Path, function: str = "experiment") -> Callable:
    """Import an experiment file and return its function.

    Raises SettingError, with the file's own line, where it fails or has no such function.
    """
    keras_import.import_keras()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # inspect looks the source up there
    sys.path.insert(0, str(path.parent.resolve()))  # as `python FILE` has it
    try:
        spec.loader.exec_module(module)
    except CnnkitError:
        raise
    except Exception as error:
        del sys.modules[path.stem]
        origin = origin_of(error) or path
        raise SettingError(f"{origin}: {type(error).__name__}: {error}") from error
    if not callable(getattr(module, function, None)):
        raise SettingError(f"{path} has no function named {function!r}; see `cnnkit new --help`.")
    return getattr(module, function)


def of_run(run: Run) -> Callable:
    """Return the function that a run is of: from its file, or from the copy in the run folder.

    The copy counts where the file is gone or has changed since.
    """
    kept, recipe = run.folder / "experiment.py", run.experiment
    if recipe.get("made_by") == "cnnkit.fit":
        raise SettingError(
            f"{run.folder} is a run of cnnkit.fit, which has no experiment: use cnnkit.fit(..., "
            "resume=run) to resume it."
        )
    path = Path(recipe.get("file") or kept)
    if not path.is_file() or path.read_bytes() != kept.read_bytes():
        path = kept
    own = f"def {recipe['experiment']}(" in kept.read_text()
    return load(path, recipe["experiment"] if own else "experiment")
