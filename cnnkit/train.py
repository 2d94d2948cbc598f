"""run(experiment, **settings) -> Run: one call of an experiment, from its settings to its report."""

import contextlib
import errno
import functools
import inspect
import shlex
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from cnnkit import explanation_plots, report
from cnnkit.data.dataset import Dataset
from cnnkit.errors import RunFolderError, SettingError
from cnnkit.experiment import Experiment, defaults_of, name_of, summary_of
from cnnkit.runs import Evaluation, Run, atomic
from cnnkit.training.deployment import first_filters
from cnnkit.training.environment import environment
from cnnkit.training.explanations import Explain
from cnnkit.training.film import frames
from cnnkit.training.fit import evaluate, fit
from cnnkit.training.interruption import StopOnSignal
from cnnkit.training.tensorboard import TensorBoardLog

SEEDS = 2**32
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


def run(
    experiment: Callable[..., Experiment],
    *,
    seed: int | None = None,
    runs_dir: str | Path = "runs",
    name: str | None = None,
    **settings,
) -> Run:
    """Call an experiment with these settings, train what it returns, and return the run.

    seed: from 0 to 2**32 - 1; set before the experiment is called, and passed to it where it has a
        setting of that name. Its own default, or 0, unless given.
    runs_dir: where the run's folder is made, as runs_dir/EXPERIMENT/NAME.
    name: the folder's name; time and four letters unless given.

    Raises TypeError for a setting that the experiment does not have, SettingError for a value that
    is not allowed, TrainingError when training breaks down, Interrupted after a signal. Whatever
    is raised once training has begun stands in status.json, too.
    """
    settings = defaults_of(experiment) | settings
    inspect.signature(experiment).bind(**settings)
    seed = settings.get("seed", 0) if seed is None else seed
    if not 0 <= seed < SEEDS:
        raise SettingError(f"A seed is a whole number from 0 to {SEEDS - 1}, not {seed}.")
    if "seed" in settings:
        settings["seed"] = seed

    keras.utils.set_random_seed(seed)
    resolved = experiment(**settings)
    if not isinstance(resolved, Experiment):
        raise SettingError(
            f"The experiment {name_of(experiment)!r} should return an Experiment, "
            f"not {type(resolved).__name__}."
        )
    folder = Run.create(runs_dir, name_of(experiment), name)
    recipe = _recipe(experiment, resolved, settings, seed)
    try:
        _train(folder, resolved, recipe, experiment)
    except KeyboardInterrupt as error:
        folder.write_status("interrupted", reason=str(error) or "stopped by the keyboard")
        raise
    except Exception as error:
        with contextlib.suppress(OSError):  # the disk may be what failed
            folder.write_status("failed", reason=f"{type(error).__name__}: {error}")
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise RunFolderError(f"{folder.folder} cannot be written: {error}.") from error
        raise
    return folder


def _train(run: Run, experiment: Experiment, recipe: dict, function: Callable) -> None:
    began = time.perf_counter()
    run.write_status("running", epoch=0)
    _write_recipe(run, experiment.data, recipe, function)
    log, stop, succeeded = TensorBoardLog(run, recipe, experiment.model), StopOnSignal(), False
    try:
        with stop.listening():
            fitted = fit(experiment, run, log, stop, recipe["seed"])
            trained = time.perf_counter()
            test = experiment.data.test
            evaluation = evaluate(fitted.model, test, experiment.data.class_names, stop)
            tested = time.perf_counter()
            run.write_json(
                "results.json",
                {
                    "test": evaluation.as_results(),
                    "validation": fitted.validation,
                    "timing": {
                        "training_seconds": trained - began,
                        "test_seconds": tested - trained,
                        "epoch_seconds": fitted.epoch_seconds,
                    },
                },
            )
            _show(run, experiment, fitted.model, evaluation, log)
            succeeded = True
            run.write_status("finished", seconds=time.perf_counter() - began)
    finally:
        log.close(succeeded)


def _show(
    run: Run,
    experiment: Experiment,
    model: keras.Model,
    evaluation: Evaluation,
    log: TensorBoardLog,
) -> None:
    """Draw what is known of a trained model, for TensorBoard and for the report."""
    data = experiment.data
    images = data.test.inputs if len(data.image_shape) == 3 else None
    filters = first_filters(experiment.model)
    log.show_results(evaluation, images, filters)
    explained = [each for each in experiment.callbacks if isinstance(each, Explain)]
    views = _views(model, data, evaluation, closely=bool(explained))
    if views and views.walk:
        walk = explanation_plots.walkthrough(views.walk, data.class_names)
        log.show_figure("test/walkthrough", walk)
        changed = explanation_plots.robustness({model.name: views.responses})
        log.show_figure("test/robustness", changed)
    film = _film(explained[0].folder) if explained else None
    report.write(run, evaluation, images, filters, views, film)


def _views(
    model: keras.Model, data: Dataset, evaluation: Evaluation, closely: bool
) -> report.Views | None:
    """Return what the network looks at; None where that cannot be shown."""
    if len(data.image_shape) != 3 or data.multi_label:
        return None
    look = functools.partial(report.look, closely=closely)
    return _or_none("what the network looks at", lambda: look(model, data, evaluation))


def _film(folder: Path) -> dict[int, np.ndarray] | None:
    """Return what the callback Explain drew, by epoch."""
    return _or_none("the film", lambda: frames(folder))


def _or_none(shown: str, make: Callable):
    try:
        return make()
    except Exception as error:  # a trained network must not be lost for a picture of it
        message = f"The report leaves out {shown}: {type(error).__name__}: {error}"
        warnings.warn(message, stacklevel=2)
        return None


def _recipe(function: Callable, experiment: Experiment, settings: dict, seed: int) -> dict:
    """Return what experiment.json says: every field, resolved."""
    model = experiment.model
    return {
        "experiment": name_of(function),
        "description": summary_of(function),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "settings": settings,
        "seed": seed,
        "data": experiment.data.name,
        "epochs": experiment.epochs,
        "batch_size": experiment.batch_size,
        "optimizer": keras.optimizers.serialize(experiment.optimizer),
        "loss": _described(experiment.loss),
        "metrics": [_described(metric) for metric in experiment.metrics],
        "augment": _described(experiment.augment),
        "callbacks": [type(callback).__name__ for callback in experiment.callbacks],
        "model": {
            "name": model.name,
            "parameters": model.count_params(),
            "layers": [
                {
                    "name": layer.name,
                    "kind": type(layer).__name__,
                    "output_shape": list(layer.output.shape),
                    "parameters": layer.count_params(),
                }
                for layer in model.layers
            ],
            "config": keras.saving.serialize_keras_object(model),
        },
    }


def _described(thing):
    """Return a Keras object as JSON; names and None as they are."""
    if thing is None or isinstance(thing, str):
        return thing
    return keras.saving.serialize_keras_object(thing)


def _write_recipe(run: Run, data: Dataset, recipe: dict, function: Callable) -> None:
    run.write_json("experiment.json", recipe)
    run.write_json("environment.json", environment(recipe["seed"]))
    run.write_json(
        "dataset.json",
        {
            "name": data.name,
            "source": data.source,
            "image_shape": data.image_shape,
            "value_range": data.value_range,
            "class_names": data.class_names,
            "samples": {name: len(split) for name, split in data.splits.items()},
            "counts": data.counts(),
            "content_hash": data.content_hash,
            "left_out": data.left_out,
        },
    )
    if data.vocabulary:
        atomic.write_text(run.folder / "vocabulary.txt", "\n".join(data.vocabulary) + "\n")
    try:
        source = inspect.getsource(inspect.getmodule(function))
    except (OSError, TypeError):
        source = inspect.getsource(function)  # a notebook's cell has no module of its own
    atomic.write_text(run.folder / "experiment.py", source)
