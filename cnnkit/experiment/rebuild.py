"""Record how an experiment was called, and call it again from the run folder."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from cnnkit import data, experiment
from cnnkit.data.dataset import Dataset
from cnnkit.errors import CnnkitError, SettingError
from cnnkit.experiment.built_in import built_in_experiment, built_in_name
from cnnkit.experiment.setting_types import restore, types_of
from cnnkit.experiment.signature import defaults_of, name_of
from cnnkit.keras_import import import_keras
from cnnkit.runs import source_code
from cnnkit.runs.run import Run
from cnnkit.user_code.source import source_record, surroundings


def experiment_name(function: Callable, settings: dict) -> str:
    """Return the name under which an experiment's runs are filed.

    Args:
        function: The experiment's function.
        settings: Its settings; those that are missing have their defaults.

    Returns:
        DATASET-MODEL for the built-in experiment; else the function's name, or its file's if the
        function is called `experiment`.
    """
    if function is built_in_experiment:
        settings = defaults_of(function) | settings
        return built_in_name(settings["dataset"], settings["model"])
    return name_of(function)


def call_record(function: Callable, settings: dict) -> dict:
    """Return the part of a run's recipe that says which function was called, and how.

    Args:
        function: The experiment's function.
        settings: Its settings, all of them.

    Returns:
        What experiment.json holds of it: the experiment's name, its source (as `source_record`
        returns it, and whether it is the built-in experiment), the settings, and the types that
        JSON loses.
    """
    return {
        "experiment": experiment_name(function, settings),
        # Compared by identity: no file can name its function so that it passes for this one.
        "source": source_record(function) | {"built_in": function is built_in_experiment},
        "settings": settings,
        "setting_types": types_of(settings),
    }


def recorded_function(run: Run) -> Callable:
    """Return the function that a run called, imported from the copy of its file in the run folder.

    Args:
        run: The run.

    Returns:
        The experiment's function.

    Raises:
        SettingError: The file cannot be imported, or has no such function.
        RunFolderError: The run folder does not say which function it was, or its source has
            changed and the run is not trusted.
    """
    if source_code.source_of(run)["built_in"]:
        return built_in_experiment
    return source_code.imported_function(run)


def seen_from(run: Run, settings: dict) -> dict:
    """Return new settings of a run that is resumed, with paths that its working folder allows.

    Args:
        run: The run, which may work in another folder than the current one.
        settings: The settings that differ from the run's.

    Returns:
        The settings; relative paths are absolute if the folders differ.
    """
    if source_code.source_of(run)["working_folder"] in ("", os.getcwd()):
        return settings
    return {name: _absolute(value) for name, value in settings.items()}


def run_surroundings(run: Run) -> contextlib.AbstractContextManager[None]:
    """Return a context in which working folder and import path are those of a run's call.

    Args:
        run: The run.

    Returns:
        The context, see `source.surroundings`.

    Raises:
        RunFolderError: The run folder does not say them.
    """
    return surroundings(source_code.source_of(run))


def recorded_settings(run: Run) -> dict:
    """Return a run's settings with the types that they had: tuples and paths, not lists and texts.

    Args:
        run: The run.

    Returns:
        All settings of its experiment, by name.

    Raises:
        RunFolderError: The run folder does not hold them.
    """
    recipe = source_code.call_of(run)
    return restore(recipe["settings"], recipe["setting_types"])


def build(
    function: Callable[..., "experiment.Experiment"], settings: dict, seed: int
) -> "experiment.Experiment":
    """Call an experiment's function after seeding everything random.

    Args:
        function: The experiment's function.
        settings: Its settings. A setting named `seed` becomes `seed`.
        seed: From 0 to 2**32 - 1.

    Returns:
        What the function returns.
    """
    import_keras().utils.set_random_seed(seed)
    if "seed" in defaults_of(function):
        settings = settings | {"seed": seed}
    return function(**settings)


def experiment_of(run: Run) -> "experiment.Experiment":
    """Return a run's own Experiment, built as the run built it; its network is not trained.

    Args:
        run: The run.

    Returns:
        A new Experiment, with the same data and the same initial weights.

    Raises:
        SettingError: The experiment's file cannot be imported, or its function refuses.
        RunFolderError: The run folder does not hold the recipe.
    """
    function, settings, seed = (
        recorded_function(run),
        recorded_settings(run),
        run.experiment["seed"],
    )
    with run_surroundings(run):
        return build(function, settings, seed)


def dataset_of(run: Run) -> Dataset:
    """Return the data that a run was trained on.

    Args:
        run: The run.

    Returns:
        The Dataset, with the content that the run recorded.

    Raises:
        SettingError: The content has changed since, or the experiment cannot be built.
    """
    recorded = run.dataset
    try:
        dataset = experiment_of(run).data
    except SettingError:
        again = _loaded_again(run)
        if again is None:
            raise
        return again
    if dataset.content_hash != recorded["content_hash"]:
        raise SettingError(
            f"The data set {recorded['name']!r} is no longer what {run.name} was trained on; give "
            "an image file instead."
        )
    return dataset


def _loaded_again(run: Run) -> Dataset | None:
    """Return data as their loader reads them, without the experiment; None where that is not all."""
    recorded = run.dataset
    call = recorded.get("call") or {"name": recorded["name"], "options": {}, "types": {}}
    try:
        dataset = data.load(call["name"], **restore(call["options"], call["types"]))
    except CnnkitError:  # the experiment's own error says more
        return None
    return dataset if dataset.content_hash == recorded["content_hash"] else None


def _absolute(value):
    is_path = isinstance(value, Path) or (
        isinstance(value, str) and os.sep in value and os.path.exists(value)
    )
    return type(value)(os.path.abspath(value)) if is_path else value
