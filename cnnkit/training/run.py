"""run(experiment, **settings) -> Run: one call of an experiment, from its settings to its report.

resume(run) or resume(experiment, run) goes on where a run was stopped, and ends with the same numbers.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from cnnkit import atomic
from cnnkit.errors import RunFolderError, SettingError
from cnnkit.experiment.call import expect_experiment_alone, function_and_settings
from cnnkit.experiment.experiment import Experiment
from cnnkit.experiment.rebuild import (
    experiment_name,
    recorded_function,
    recorded_settings,
    run_surroundings,
    seen_from,
)
from cnnkit.platforms import expect_supported_platform
from cnnkit.runs import Run
from cnnkit.runs.lock import locked
from cnnkit.runs.undo import restored_if_refused
from cnnkit.training.building import built
from cnnkit.training.callbacks import non_finite
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.differences import changes_since
from cnnkit.training.distribution.team import ALONE, Sharing, Team, team_of
from cnnkit.training.outcome import continue_from, last_checkpoint, outcome_recorded
from cnnkit.training.recipe import recipe_of, write_recipe
from cnnkit.training.steps.precision import AUTO
from cnnkit.training.watch import NOT_WATCHED, Watch
from cnnkit.training.whole_training import train_and_test
from cnnkit.user_code.experiment_files import refuse_while_importing

AS_BEGUN = ("experiment", "command", "study")  # parts of the recipe that a resumed run keeps


def run(
    experiment: Callable[..., Experiment],
    *others,
    seed: int | None = None,
    runs_dir: str | Path = "runs",
    name: str | None = None,
    checkpoint_minutes: float | None = 10.0,
    checkpoint_steps: int | None = None,
    precision: str | None = AUTO,
    devices: str | int | Iterable[int] | None = None,
    processes: str | None = None,
    **settings,
) -> Run:
    """Train what an experiment returns for these settings, and return the run.

    Args:
        experiment: A function that returns an Experiment, or `functools.partial` of one.
        *others: Refused; `cnnkit.fit` takes a model and arrays.
        seed: From 0 to 2**32 - 1; set before the experiment is called, and passed to it where it
            has a setting of that name. None takes that setting's default, or 0.
        runs_dir: The run's folder is made as runs_dir/EXPERIMENT/NAME.
        name: The folder's name; None makes one of the time and four letters.
        checkpoint_minutes: Time from one checkpoint to the next within an epoch; None for none.
            Each epoch ends with one in any case.
        checkpoint_steps: Steps from one checkpoint to the next within an epoch; None for none.
        precision: Of the network: "float32", "mixed_bfloat16" or another of Keras' dtype policies;
            None for Keras' own. "auto" is "mixed_bfloat16" if Keras' own is float32, the hardware
            has bfloat16, and a step is large enough to gain by it; the experiment is then called a
            second time. environment.json says which it was.
        devices: That share each batch: "all", or numbers such as "0,1" or (0, 1). None for Keras'
            default device, or all where several processes train together. The batch size is that of
            all devices together, and a multiple of their number.
        processes: That train together, each on devices of its own, on JAX: "auto" for what SLURM,
            Kubernetes or Open MPI say, or "ADDRESS:PORT,NUMBER,ID", with the address of process 0,
            the number of processes and which this one is. None for the environment's
            KERAS_DISTRIBUTION_*, or no other process. Process 0 writes the run folder and tests.
        **settings: Of the experiment.

    Returns:
        The finished run.

    Raises:
        TypeError: The experiment has no such setting.
        SettingError: A value is not allowed, or is none that JSON can record.
        TrainingError: Data, loss or weights are not finite.
        Interrupted: A signal came. Whatever is raised once training has begun is in status.json.
    """
    refuse_while_importing("cnnkit.run")
    expect_supported_platform()
    expect_experiment_alone(experiment, *others)
    experiment, settings = function_and_settings(experiment, settings)
    schedule = CheckpointSchedule(checkpoint_minutes, checkpoint_steps)
    return run_watched(
        experiment, settings, NOT_WATCHED, schedule,
        seed=seed, runs_dir=runs_dir, name=name, precision=precision,
        sharing=Sharing(devices, processes),
    )  # fmt: skip


def run_watched(
    experiment: Callable, settings: dict, watch: Watch, schedule: CheckpointSchedule, *,
    seed: int | None, runs_dir: str | Path, name: str | None, precision: str | None,
    sharing: Sharing = ALONE,
) -> Run:  # fmt: skip
    """Make a run as `run` does, with somebody who watches it.

    Args:
        experiment: The experiment's function.
        settings: Of the experiment.
        watch: Who watches, and what of.
        schedule: When checkpoints are written.
        seed: As in `run`.
        runs_dir: As in `run`.
        name: As in `run`.
        precision: As in `run`.
        sharing: Who shares the training.

    Returns:
        The finished run.
    """
    with (
        team_of(sharing) as team,
        team.entering(built(experiment, settings, seed, precision)) as (resolved, settings, seed),
    ):
        watch.expect(resolved)
        recipe = recipe_of(experiment, resolved, settings, seed) | dict(watch.recipe)
        team.expect_same(resolved, recipe)
        team.expect_batches_divide(resolved)

        def create() -> Run:
            return Run.create(runs_dir, experiment_name(experiment, settings), name)

        with team.record(create) as folder:
            run = team.run_of_first(folder)
            with team.loss_recorded(run):
                train(folder, experiment, resolved, recipe, schedule, watch)
    return run


def train(
    run: Run,
    function: Callable,
    resolved: Experiment,
    recipe: dict,
    schedule: CheckpointSchedule,
    watch: Watch = NOT_WATCHED,
) -> None:
    """Train what was built, from its first step to its report, in a run folder of its own.

    Args:
        run: The new run.
        function: The experiment's function.
        resolved: What it returned.
        recipe: What `recipe_of` says of both.
        schedule: When to write checkpoints.
        watch: Who watches.

    Raises:
        TrainingError: As `cnnkit.run`.
        Interrupted: As `cnnkit.run`.
    """
    with locked(run.folder), outcome_recorded(run):
        run.write_status("running", epoch=0)
        write_recipe(run, resolved.data, recipe, function)
        train_and_test(run, resolved, recipe, schedule, None, watch)


def resume(
    experiment: Callable[..., Experiment] | Run | str | os.PathLike | None = None,
    run: Run | str | os.PathLike | None = None,
    *,
    allow_changes: bool = False,
    checkpoint_minutes: float | None = 10.0,
    checkpoint_steps: int | None = None,
    precision: str | None = None,
    devices: str | int | Iterable[int] | None = None,
    processes: str | None = None,
    **settings,
) -> Run:
    """Continue a run from its last checkpoint, to the same end as if it had not been interrupted.

    Args:
        experiment: The function that the run is of; the one that the run folder keeps unless given.
        run: The run, or its folder. `resume(run)` alone will do.
        allow_changes: Whether to go on although recipe, data, versions or machine have changed;
            status.json keeps what differed.
        checkpoint_minutes: As in `run`.
        checkpoint_steps: As in `run`.
        precision: As in `run`; None for the run's own.
        devices: As in `run`; None for the run's own.
        processes: As in `run`. All of them read the run folder.
        **settings: Those that are to differ from the run's.

    Returns:
        The finished run.

    Raises:
        SettingError: Something differs and that is not allowed; the message has a table of it.
        RunFolderError: Another process works on the run, it is finished, or no checkpoint is
            undamaged.
        Interrupted: As in `run`, which raises the other errors, too.
    """
    refuse_while_importing("cnnkit.resume")
    expect_supported_platform()
    experiment, run = _function_and_run(experiment, run)
    experiment, settings = function_and_settings(experiment, settings)
    schedule = CheckpointSchedule(checkpoint_minutes, checkpoint_steps)
    return resume_watched(
        experiment, run, settings, NOT_WATCHED, schedule,
        precision=precision, allow_changes=allow_changes, sharing=Sharing(devices, processes),
    )  # fmt: skip


def resume_watched(
    experiment: Callable, run: Run, settings: dict, watch: Watch, schedule: CheckpointSchedule, *,
    precision: str | None = None, allow_changes: bool = False, sharing: Sharing = ALONE,
) -> Run:  # fmt: skip
    """Continue a run as `resume` does, with somebody who watches it.

    Args:
        experiment: The experiment's function.
        run: The run.
        settings: Those that are to differ from the run's.
        watch: Who watches, and what of.
        schedule: When checkpoints are written.
        precision: As in `resume`.
        allow_changes: As in `resume`.
        sharing: Who shares the training; devices are the run's own unless given.

    Returns:
        The finished run.
    """
    settings = recorded_settings(run) | seen_from(run, settings)
    stopped = Run(run.folder.absolute(), trust=run.trust)
    with (
        team_of(sharing.or_as_in(stopped)) as team,
        run_surroundings(stopped),
        team.entering(team.alone_in(stopped.folder)),
    ):
        if stopped.status["state"] == "finished" and not allow_changes:
            raise RunFolderError(f"{run.folder} is finished; there is nothing to resume.")
        _resume(
            stopped, experiment, settings, schedule, watch, team,
            precision=precision or stopped.environment["precision"], allow_changes=allow_changes,
        )  # fmt: skip
    return run


def _function_and_run(experiment, run) -> tuple[Callable, Run]:
    """Return the function and the run that `resume` is given, in any order or the run alone."""
    if isinstance(experiment, Run | str | os.PathLike):
        experiment, run = run, experiment
    if not isinstance(run, Run | str | os.PathLike):
        raise SettingError(
            "cnnkit.resume takes a run, or an experiment's function and a run, such as "
            f"cnnkit.resume(cnnkit.Run('runs/digits_lenet5/first')), not {run!r}."
        )
    run = run if isinstance(run, Run) else Run(run)
    return recorded_function(run) if experiment is None else experiment, run


def _resume(
    run: Run, experiment: Callable, settings: dict, schedule: CheckpointSchedule, watch: Watch,
    team: Team, *, precision: str, allow_changes: bool,
) -> None:  # fmt: skip
    then = run.experiment
    with team.entering(built(experiment, settings, then["seed"], precision)) as parts:
        resolved, settings, seed = parts
        watch.expect(resolved)
        recipe = recipe_of(experiment, resolved, settings, seed)
        changes = changes_since(run, recipe, resolved.data.content_hash, allowed=allow_changes)
        recipe |= {name: then[name] for name in AS_BEGUN if name in then}
        non_finite.expect_sound(resolved.data)
        start = last_checkpoint(run)
        team.expect_same(resolved, recipe, start.name if start else "")
        team.expect_batches_divide(resolved)
        changed = changes or atomic.as_read(recipe["settings"]) != then["settings"]
        with team.record(lambda: run) as own, restored_if_refused(own), outcome_recorded(own):
            if changed or own is not run:
                write_recipe(own, resolved.data, recipe, experiment)
            continue_from(own, start, changes, resolved.callbacks)
            with team.loss_recorded(run):
                train_and_test(own, resolved, recipe, schedule, start, watch)
