"""The code of a run: what its recipe says of it, and the copy of its file, imported if unchanged."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from cnnkit.errors import RunFolderError, SettingError
from cnnkit.runs import checksums, files
from cnnkit.user_code import experiment_files
from cnnkit.user_code.source import surroundings

NAME = "experiment.py"
# What a run's source did not say before it said all of this.
OF_OLD_RUNS = {"package": "", "importable": True, "working_folder": "", "import_path": []}


def call_of(run) -> dict:
    """Return a run's recipe, which says what function was called, and how.

    Args:
        run: The `Run`.

    Returns:
        The content of experiment.json.

    Raises:
        SettingError: The run is one of `cnnkit.fit`, which calls no experiment.
        RunFolderError: The recipe does not say it.
    """
    recipe = run.experiment
    if recipe.get("made_by") == "cnnkit.fit":
        raise SettingError(
            f"{run.folder} is a run of cnnkit.fit, which has no experiment: call cnnkit.fit with the same "
            "model and data, and with resume=run to resume it."
        )
    if not {"source", "settings", "setting_types"} <= set(recipe):
        raise RunFolderError(f"{run.folder / 'experiment.json'} does not say what was called.")
    return recipe


def source_of(run) -> dict:
    """Return where a run's function was defined, as `user_code.source.source_record` says it.

    Args:
        run: The `Run`.

    Raises:
        SettingError: As `call_of`.
        RunFolderError: As `call_of`.
    """
    return OF_OLD_RUNS | call_of(run)["source"]


def imported_function(run) -> Callable:
    """Return the function that a run called, imported from the copy of its file in the run folder.

    Args:
        run: The `Run`, of an experiment in a file of the user's.

    Returns:
        The experiment's function.

    Raises:
        SettingError: The file cannot be imported, or has no such function.
        RunFolderError: The run folder does not say which function it was, or its source has
            changed and the run is not trusted.
    """
    source = source_of(run)
    if not source["importable"]:
        raise SettingError(
            f"{run.name} was made by the function {source['function']!r} of a notebook, a prompt or "
            "another function, which no file can give again: where it is defined, "
            f"cnnkit.resume({source['function']}, cnnkit.Run({str(run.folder)!r})) goes on. Commands "
            "that take an image file work from the shell."
        )
    _expect_unchanged(run)
    copy = (run.folder / NAME).absolute()
    original = Path(source["file"]) if source["file"] else copy
    with surroundings(source):
        return experiment_files.load(
            copy, source["function"], copy_of=original, package=source["package"]
        )


def _expect_unchanged(run) -> None:
    """Raise RunFolderError if a run's source, or the recipe that says how to call it, has changed.

    If the run is trusted, experiment.py may be any regular file inside the folder.
    """
    path = run.folder / NAME
    if run.trust and files.is_regular(run.folder, NAME):
        return
    changed = {}
    if (run.folder / checksums.NAME).exists():
        changed = checksums.damaged(run.folder, (NAME, "experiment.json"))
    try:
        digest = hashlib.sha256(files.read_bytes(run.folder, NAME)).hexdigest()
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from None
    if digest != run.experiment["source"].get("sha256", digest):
        changed[NAME] = "has changed since it was written"
    for name, reason in changed.items():
        raise RunFolderError(
            f"{run.folder / name} {reason}, and this would execute it: read experiment.py, and "
            "give --trust (in Python, cnnkit.Run(folder, trust=True)) if you trust it."
        )
