"""The recipe of a run: every setting resolved, what it ran on, the data and the source."""

import dataclasses
import hashlib
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import keras

from cnnkit import atomic
from cnnkit.data.border import border_brightness
from cnnkit.data.dataset import Dataset
from cnnkit.experiment import distillation, phases
from cnnkit.experiment.experiment import Experiment
from cnnkit.experiment.rebuild import call_record
from cnnkit.experiment.setting_types import types_of
from cnnkit.experiment.signature import summary_of, unchanged_settings
from cnnkit.runs import Run, checksums
from cnnkit.training.checkpointing.state import callback_settings
from cnnkit.training.distribution.replicas import active
from cnnkit.training.environment import environment
from cnnkit.user_code.source import source_text

NOT_SEALED = ("checkpoints", "status.json")  # checkpoints have hashes of their own
RECIPE = ("experiment.json", "environment.json", "dataset.json", "experiment.py", "vocabulary.txt")


def recipe_of(function: Callable, experiment: Experiment, settings: dict, seed: int) -> dict:
    """Return what experiment.json says: every field, resolved.

    Args:
        function: The experiment's function.
        experiment: What it returned.
        settings: All of its settings.
        seed: Of the run.
    """
    model = experiment.network
    return {
        **call_record(function, settings),
        "unchanged_settings": unchanged_settings(function, settings),
        "description": summary_of(function),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "seed": seed,
        "data": experiment.data.name,
        "epochs": experiment.epochs,
        "batch_size": experiment.batch_size,
        "optimizer": keras.optimizers.serialize(experiment.optimizer),
        "loss": _described(experiment.loss),
        "loss_weights": experiment.loss_weights,
        "metrics": [_described(metric) for metric in experiment.metrics or ()],
        "augment": _described(experiment.augment),
        "cached_views": experiment.cached_views,
        "image_size": experiment.image_size,
        "restore_best_weights": experiment.restore_best_weights,
        "monitor": experiment.monitored.name,
        "mode": experiment.monitored.mode,
        "phases": phases.as_json(experiment),
        "distillation": distillation.as_json(experiment.model),
        "explain": experiment.explain and dataclasses.asdict(experiment.explain),
        "callbacks": [type(callback).__name__ for callback in experiment.callbacks],
        "callback_settings": [callback_settings(callback) for callback in experiment.callbacks],
        "model": model_as_json(model) | {"config": keras.saving.serialize_keras_object(model)},
    }


def model_as_json(model: keras.Model) -> dict:
    """Return a built model's name, its number of parameters, and its layers.

    Args:
        model: Any built model; layers whose output shape Keras does not know have an empty one.
    """
    return {
        "name": model.name,
        "parameters": model.count_params(),
        "layers": [
            {
                "name": layer.name,
                "kind": type(layer).__name__,
                "output_shape": _output_shape(layer),
                "parameters": layer.count_params() if layer.built else 0,
            }
            for layer in model.layers
        ],
    }


def _output_shape(layer: keras.Layer) -> list:
    try:
        return list(layer.output.shape)
    except (AttributeError, ValueError):  # called several times, or outside a graph
        return []


def _described(thing):
    """Return a Keras object as JSON; names and None as they are."""
    if thing is None or isinstance(thing, str):
        return thing
    return keras.saving.serialize_keras_object(thing)


def write_recipe(run: Run, data: Dataset, recipe: dict, function: Callable) -> None:
    """Write the files that say how to do a run again, and their hashes.

    Args:
        run: The run folder.
        data: The data set.
        recipe: As `recipe_of` returns it.
        function: The experiment's function, whose source is copied.
    """
    source = source_text(function)
    # A run that is stopped at once has no SHA256SUMS: the recipe itself knows its source's hash.
    known = recipe["source"] | {"sha256": hashlib.sha256(source).hexdigest()}
    atomic.write_bytes(run.folder / "experiment.py", source)
    run.write_json("experiment.json", recipe | {"source": known})
    run.write_json("environment.json", environment(recipe["seed"]) | _distribution(recipe))
    run.write_json(
        "dataset.json",
        {
            "name": data.name,
            "source": data.source,
            "image_shape": data.image_shape,
            "value_range": data.value_range,
            "border_brightness": border_brightness(data.train.inputs, data.value_range),
            "class_names": data.class_names,
            "samples": {name: len(split) for name, split in data.splits.items()},
            "counts": data.counts(),
            "content_hash": data.content_hash,
            "test_hash": data.test.content_hash,
            "left_out": data.left_out,
            "repeated": data.repeated,
            "decoding": data.decoding,
            "call": data.call and {**data.call, "types": types_of(data.call["options"])},
        },
    )
    if data.vocabulary:
        atomic.write_text(run.folder / "vocabulary.txt", "\n".join(data.vocabulary) + "\n")
    checksums.write(run.folder, [name for name in RECIPE if (run.folder / name).exists()])


def _distribution(recipe: dict) -> dict:
    """Return what environment.json says of the devices that share the training; nothing of one."""
    replicas = active()
    return {} if replicas is None else {"distribution": replicas.described(recipe["batch_size"])}
