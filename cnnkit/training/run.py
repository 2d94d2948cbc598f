"""run(experiment, **settings) -> Run: one call of an experiment, from its settings to its report.

resume(experiment, run) goes on where a run was stopped, and ends with the same numbers.
"""

import contextlib
import inspect
import numbers
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras

from cnnkit.errors import RunFolderError, SettingError
from cnnkit.experiment.experiment import Experiment
from cnnkit.experiment.rebuild import experiment_name, recorded_settings
from cnnkit.experiment.signature import defaults_of, name_of
from cnnkit.platforms import expect_supported_platform
from cnnkit.runs import Run, checkpoints, checksums
from cnnkit.runs.lock import locked
from cnnkit.tensorboard.log import TensorBoardCallback
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.checkpointing.signals import StopOnSignal
from cnnkit.training.differences import changes_since
from cnnkit.training.loop import evaluate, fit
from cnnkit.training.outcome import continue_from, last_checkpoint, outcome_recorded
from cnnkit.training.pictures import show_results
from cnnkit.training.recipe import NOT_SEALED, recipe_of, write_recipe
from cnnkit.training.steps.precision import AUTO, has_bfloat16, is_worthwhile, precision_policy

SEEDS = 2**32


def run(
    experiment: Callable[..., Experiment],
    *,
    seed: int | None = None,
    runs_dir: str | Path = "runs",
    name: str | None = None,
    checkpoint_minutes: float | None = 10.0,
    checkpoint_steps: int | None = None,
    precision: str | None = AUTO,
    **settings,
) -> Run:
    """Call an experiment with these settings, train what it returns, and return the run.

    seed: from 0 to 2**32 - 1; set before the experiment is called, and passed to it where it has a
        setting of that name. Its own default, or 0, unless given.
    runs_dir: where the run's folder is made, as runs_dir/EXPERIMENT/NAME.
    name: the folder's name; time and four letters unless given.
    checkpoint_minutes, checkpoint_steps: how long training goes on within an epoch before the next
        checkpoint; each epoch ends with one in any case.
    precision: of the network: "float32", "mixed_bfloat16" or another of Keras' policies; None for
        the one that Keras has; "auto" for "mixed_bfloat16" where Keras' own is float32, the hardware
        has bfloat16 and a step is large enough to gain by it, for which the experiment is called a
        second time. environment.json says which it was.

    Raises TypeError for a setting that the experiment does not have, SettingError for a value that
    is not allowed, TrainingError when training breaks down, Interrupted after a signal. Whatever
    is raised once training has begun stands in status.json, too.
    """
    expect_supported_platform()
    schedule = CheckpointSchedule(checkpoint_minutes, checkpoint_steps)
    with _made(experiment, settings, seed, precision) as (resolved, settings, seed):
        folder = Run.create(runs_dir, experiment_name(experiment, settings), name)
        recipe = recipe_of(experiment, resolved, settings, seed)

        with locked(folder.folder), outcome_recorded(folder):
            folder.write_status("running", epoch=0)
            write_recipe(folder, resolved.data, recipe, experiment)
            _train(folder, resolved, recipe, schedule, None)
    return folder


def resume(
    experiment: Callable[..., Experiment],
    run: Run,
    *,
    allow_changes: bool = False,
    checkpoint_minutes: float | None = 10.0,
    checkpoint_steps: int | None = None,
    precision: str | None = None,
    **settings,
) -> Run:
    """Go on with a run from its last checkpoint, to the same end as if it had not been stopped.

    experiment: the one that the run is of. precision, settings: those of the run unless given.
    allow_changes: go on although recipe, data, versions or machine are others than they were;
        status.json keeps what differed.

    Raises SettingError, with a table, where something differs and that is not allowed;
    RunFolderError where another process works on the run, where it is finished, or where no
    checkpoint is whole; and what `run` raises.
    """
    expect_supported_platform()
    schedule, kept = CheckpointSchedule(checkpoint_minutes, checkpoint_steps), run.experiment
    with locked(run.folder):
        if run.status["state"] == "finished" and not allow_changes:
            raise RunFolderError(f"{run.folder} is finished; there is nothing to resume.")
        wanted = recorded_settings(run) | settings
        precision = precision or run.environment["precision"]
        with _made(experiment, wanted, kept["seed"], precision) as (resolved, wanted, seed):
            recipe = recipe_of(experiment, resolved, wanted, seed)
            recipe |= {name: kept.get(name) for name in ("experiment", "command", "source")}
            changes = changes_since(run, recipe, resolved.data.content_hash, allowed=allow_changes)
            with outcome_recorded(run):
                start = last_checkpoint(run)
                if changes:
                    write_recipe(run, resolved.data, recipe, experiment)
                continue_from(run, start, changes)
                _train(run, resolved, recipe, schedule, start)
    return run


@contextlib.contextmanager
def _made(
    experiment: Callable, settings: dict, seed: int | None, precision: str | None
) -> Iterator[tuple[Experiment, dict, int]]:
    """Give what `_called` returns; meanwhile Keras has the precision that it was called in."""
    with contextlib.ExitStack() as policies:
        name = policies.enter_context(precision_policy(None if precision == AUTO else precision))
        made = _called(experiment, settings, seed)
        possible = precision == AUTO and name == "float32" and has_bfloat16()
        if possible and is_worthwhile(made[0].network, made[0].batch_size):
            del made  # else memory would hold its data twice
            policies.enter_context(precision_policy("mixed_bfloat16"))
            made = _called(experiment, settings, seed)
        yield made


def _called(experiment: Callable, settings: dict, seed: int | None) -> tuple[Experiment, dict, int]:
    """Return what an experiment's function answers, all of its settings, and the seed."""
    if not callable(experiment):
        raise SettingError(
            "An experiment is the function that returns an Experiment, by which a run can be repeated, "
            f"not {type(experiment).__name__}: give the function itself, and its settings by name."
        )
    settings = defaults_of(experiment) | settings
    try:
        inspect.signature(experiment).bind(**settings)
    except TypeError as error:
        known = ", ".join(defaults_of(experiment)) or "none"
        message = f"The experiment {name_of(experiment)!r} {error}; its settings are {known}."
        raise TypeError(message) from None
    chosen: int = settings.get("seed", 0) if seed is None else seed
    if not isinstance(chosen, numbers.Integral) or not 0 <= chosen < SEEDS:
        raise SettingError(f"A seed is a whole number from 0 to {SEEDS - 1}, not {chosen!r}.")
    if "seed" in settings:
        settings["seed"] = chosen

    keras.utils.set_random_seed(chosen)
    resolved = experiment(**settings)
    if not isinstance(resolved, Experiment):
        raise SettingError(
            f"The experiment {name_of(experiment)!r} should return an Experiment, "
            f"not {type(resolved).__name__}."
        )
    return resolved, settings, chosen


def _train(
    run: Run,
    experiment: Experiment,
    recipe: dict,
    schedule: CheckpointSchedule,
    start: checkpoints.Checkpoint | None,
) -> None:
    began = time.perf_counter()
    run.write_status("running", epoch=start.epoch if start else 0)
    log = TensorBoardCallback(run, recipe, experiment.network, resumed=start is not None)
    stop, succeeded = StopOnSignal(), False
    try:
        with stop.listening():
            result = fit(experiment, run, log, stop, recipe["seed"], schedule, start)
            trained = time.perf_counter()
            test = experiment.data.test
            evaluation = evaluate(result.model, test, experiment.data.class_names, stop)
            tested = time.perf_counter()
            run.write_json(
                "results.json",
                {
                    "test": evaluation.as_results(),
                    "validation": result.validation,
                    "timing": {
                        "training_seconds": trained - began,
                        "test_seconds": tested - trained,
                        "epoch_seconds": result.epoch_seconds,
                    },
                },
            )
            show_results(run, experiment, result, evaluation, log)
            succeeded = True
            run.write_status("finished", seconds=time.perf_counter() - began)
    finally:
        log.close(succeeded)
    checksums.write(run.folder, checksums.names_below(run.folder, NOT_SEALED))
    if result.checkpoint_error is not None:
        raise result.checkpoint_error
