"""The recipe of a run of `cnnkit.fit`: its compiled model and its arguments, as JSON."""

import contextlib
import re
import shlex
import sys
from pathlib import Path

import keras

from cnnkit.errors import SettingError
from cnnkit.runs import Run, checksums
from cnnkit.training.environment import environment
from cnnkit.training.fit_data import FitData
from cnnkit.training.recipe import RECIPE, model_as_json
from cnnkit.training.steps.fit_inputs import StreamInputs

# What may differ when a run is resumed: how long it trains, and the learning rate and callbacks, which
# the checkpoint brings back to what they were.
IGNORED = ("epochs", "optimizer.config.learning_rate")


def fit_recipe(
    model: keras.Model, data: FitData, *, callbacks: list, epochs: int, batch_size: int | None,
    seed: int, settings: dict,
) -> dict:  # fmt: skip
    """Return what experiment.json says of a run of `cnnkit.fit`.

    Args:
        model: The compiled model; built with the first batch if it is not built yet.
        data: What it is trained on.
        callbacks: The user's.
        epochs: The number of the last epoch.
        batch_size: Samples a step, as given.
        seed: Of the order of the samples.
        settings: More arguments, by name.

    Returns:
        A dict that JSON can hold.
    """
    _build(model, data)
    compiled = _or_name(model.get_compile_config) or {}
    return {
        # Keras numbers the models of a process; runs of one model should stand together.
        "experiment": re.sub(r"_\d+$", "", model.name),
        "description": "A compiled Keras model, trained by cnnkit.fit.",
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "made_by": "cnnkit.fit",
        "settings": {name: value for name, value in settings.items() if value is not None},
        "seed": seed,
        "data": data.kind,
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": keras.optimizers.serialize(model.optimizer),
        "loss": compiled.get("loss"),
        "metrics": compiled.get("metrics"),
        "callbacks": [type(callback).__name__ for callback in callbacks],
        "model": model_as_json(model),
    }


def write_fit_recipe(run: Run, recipe: dict, data: FitData) -> None:
    """Write the files that say what a run is of, and their hashes.

    Args:
        run: The run folder.
        recipe: As `fit_recipe` returns it.
        data: What is trained on.
    """
    run.write_status("running")
    run.write_json("experiment.json", recipe)
    run.write_json("environment.json", environment(recipe["seed"]))
    run.write_json("dataset.json", data.described())
    checksums.write(run.folder, [name for name in RECIPE if (run.folder / name).exists()])


def _build(model: keras.Model, data: FitData) -> None:
    """Build a model that has no input shape yet, as `model.fit` would do."""
    if model.built:
        return
    if isinstance(data.inputs, StreamInputs):
        raise SettingError(
            f"The model {model.name!r} does not know its input shape: begin it with keras.Input(...)."
        )
    model(data.inputs[0][0])


def _or_name(serialize):
    """Return what Keras serialises; None where a part of it is not Keras' and not registered."""
    with contextlib.suppress(TypeError, ValueError, NotImplementedError):
        return serialize()
