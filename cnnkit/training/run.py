"""run(experiment, **settings) -> Run: one call of an experiment, from its settings to its report.

resume(experiment, run) goes on where a run was stopped, and ends with the same numbers.
"""

import contextlib
import errno
import functools
import inspect
import numbers
import shlex
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

from cnnkit import report
from cnnkit.data.dataset import Dataset
from cnnkit.errors import RunFolderError, SettingError
from cnnkit.evaluation import Evaluation
from cnnkit.experiment.experiment import Experiment
from cnnkit.experiment.rebuild import experiment_name, recorded_settings
from cnnkit.experiment.signature import defaults_of, name_of
from cnnkit.explain import figures
from cnnkit.platforms import expect_supported_platform
from cnnkit.runs import Run, checkpoints, checksums, log_offsets
from cnnkit.runs.lock import locked
from cnnkit.tensorboard.film import film_frames
from cnnkit.tensorboard.log import TensorBoardCallback
from cnnkit.training import differences
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.checkpointing.signals import StopOnSignal
from cnnkit.training.deployment import first_filters
from cnnkit.training.loop import TrainingResult, evaluate, fit
from cnnkit.training.recipe import recipe_of, write_recipe
from cnnkit.training.steps.precision import AUTO, has_bfloat16, is_worthwhile, policy

SEEDS = 2**32
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG)
NOT_SEALED = ("checkpoints", "status.json")  # checkpoints have hashes of their own


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

        def begin():
            folder.write_status("running", epoch=0)
            write_recipe(folder, resolved.data, recipe, experiment)
            _train(folder, resolved, recipe, schedule, None)

        with locked(folder.folder):
            _recorded(folder, begin)
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
            changes = differences.between(run, resolved.data, recipe)
            if changes and not allow_changes:
                raise SettingError(
                    f"{run.folder} cannot be resumed exactly, because something has changed; "
                    f"--allow-changes goes on all the same:\n{differences.as_table(changes)}"
                )
            _recorded(run, lambda: _go_on(run, resolved, recipe, experiment, schedule, changes))
    return run


@contextlib.contextmanager
def _made(
    experiment: Callable, settings: dict, seed: int | None, precision: str | None
) -> Iterator[tuple[Experiment, dict, int]]:
    """Give what `_called` returns; meanwhile Keras has the precision that it was called in."""
    with contextlib.ExitStack() as policies:
        name = policies.enter_context(policy(None if precision == AUTO else precision))
        made = _called(experiment, settings, seed)
        possible = precision == AUTO and name == "float32" and has_bfloat16()
        if possible and is_worthwhile(made[0].network, made[0].batch_size):
            del made  # else memory would hold its data twice
            policies.enter_context(policy("mixed_bfloat16"))
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
    seed = settings.get("seed", 0) if seed is None else seed
    if not isinstance(seed, numbers.Integral) or not 0 <= seed < SEEDS:
        raise SettingError(f"A seed is a whole number from 0 to {SEEDS - 1}, not {seed!r}.")
    if "seed" in settings:
        settings["seed"] = seed

    keras.utils.set_random_seed(seed)
    resolved = experiment(**settings)
    if not isinstance(resolved, Experiment):
        raise SettingError(
            f"The experiment {name_of(experiment)!r} should return an Experiment, "
            f"not {type(resolved).__name__}."
        )
    return resolved, settings, seed


def _recorded(folder: Run, train: Callable[[], None]) -> None:
    """Train; whatever is raised stands in status.json, too."""
    try:
        train()
    except KeyboardInterrupt as error:
        with contextlib.suppress(OSError):
            folder.write_status("interrupted", reason=str(error) or "stopped by the keyboard")
        error.add_note(f"Go on with: cnnkit resume {shlex.quote(str(folder.folder))}")
        raise
    except Exception as error:
        with contextlib.suppress(OSError):  # the disk may be what failed
            folder.write_status("failed", reason=f"{type(error).__name__}: {error}")
        if isinstance(error, OSError) and (
            error.errno in DISK_ERRORS or str(error.filename or "").startswith(str(folder.folder))
        ):
            raise RunFolderError(f"{folder.folder} cannot be written: {error}.") from error
        raise


def _go_on(
    run: Run,
    experiment: Experiment,
    recipe: dict,
    function: Callable,
    schedule: CheckpointSchedule,
    changes: list[tuple[str, str, str]],
) -> None:
    folder = run.folder / "checkpoints"
    start, damaged = checkpoints.latest(folder)
    for reason in damaged:
        warnings.warn(f"{reason} The one before it is used.", stacklevel=2)
    if changes:
        write_recipe(run, experiment.data, recipe, function)
    checkpoints.remove_after(folder, start)
    log_offsets.cut(run.folder, start.state["log_sizes"] if start else {})
    place = {"epoch": start.epoch, "step": start.step} if start else {"epoch": 0, "step": 0}
    resumed = [*run.status.get("resumed", []), place | {"changes": changes}]
    run.write_status("running", resumed=resumed, reason=None)
    _train(run, experiment, recipe, schedule, start)


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
            _show(run, experiment, result, evaluation, log)
            succeeded = True
            run.write_status("finished", seconds=time.perf_counter() - began)
    finally:
        log.close(succeeded)
    checksums.write(run.folder, checksums.names_below(run.folder, NOT_SEALED))
    if result.checkpoint_error is not None:
        raise result.checkpoint_error


def _show(
    run: Run,
    experiment: Experiment,
    result: TrainingResult,
    evaluation: Evaluation,
    log: TensorBoardCallback,
) -> None:
    """Draw what is known of a trained model, for TensorBoard and for the report."""
    data = experiment.data
    images = data.test.inputs if len(data.image_shape) == 3 else None
    filters = first_filters(experiment.network)
    log.show_results(evaluation, images, filters)
    explained = experiment.explain is not None
    explanations = _explanations(result, data, evaluation, closely=explained)
    if explanations and explanations.walk:
        walk = figures.walkthrough(explanations.walk, data.class_names)
        log.show_figure("test/walkthrough", walk)
        changed = figures.robustness({result.model.name: explanations.responses})
        log.show_figure("test/robustness", changed)
    film = _film(run.folder / "tensorboard" / "explain") if explained else None
    report.write(
        run, evaluation, images=images, filters=filters, explanations=explanations, film=film
    )


def _explanations(
    result: TrainingResult, data: Dataset, evaluation: Evaluation, closely: bool
) -> report.Explanations | None:
    """Return what the network looks at; None where that cannot be shown."""
    if len(data.image_shape) != 3 or not data.task.explains_answers:
        return None
    explain = functools.partial(report.explain_samples, closely=closely, head=result.head)
    return _or_none("what the network looks at", lambda: explain(result.model, data, evaluation))


def _film(folder: Path) -> dict[int, np.ndarray] | None:
    """Return what `Experiment.explain` drew, by epoch."""
    return _or_none("the film", lambda: film_frames(folder))


def _or_none(shown: str, make: Callable):
    try:
        return make()
    except Exception as error:  # a trained network must not be lost for a picture of it
        message = f"The report leaves out {shown}: {type(error).__name__}: {error}"
        warnings.warn(message, stacklevel=2)
        return None
