"""run(experiment, trials=50) -> Search: many trials of an experiment, by any number of workers."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import optuna

from cnnkit import data, training
from cnnkit.errors import RunFolderError, SettingError, TrainingError
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.rebuild import experiment_name
from cnnkit.experiment.signature import function_of
from cnnkit.platforms import expect_supported_platform
from cnnkit.runs import Run
from cnnkit.search import ledger
from cnnkit.search.job import Job, source_and_types
from cnnkit.search.samplers import grid_size, pruner_of, sampler_of
from cnnkit.search.space import Space
from cnnkit.search.storage import open_storage, refusals_of, url_of
from cnnkit.search.study import best_trials, directions, identity, join
from cnnkit.search.workers import Workers
from cnnkit.settings import expect_counts
from cnnkit.user_code.experiment_files import refuse_while_importing

FOLDER = "searches"  # in the folder of the runs


@dataclass(frozen=True)
class Search:
    """A search: its study, and its folder.

    Attributes:
        name: Its name.
        study: Optuna's study.
        runs_dir: The folder that holds the runs.
    """

    name: str
    study: optuna.Study
    runs_dir: Path

    @property
    def folder(self) -> Path:
        """The search's own folder, for its storage, the workers' logs and its pictures."""
        return self.runs_dir / FOLDER / self.name

    @property
    def best(self) -> list[optuna.trial.FrozenTrial]:
        """The trials that no other one beats, the best in the first objective first."""
        return best_trials(self.study)

    @property
    def chosen(self) -> Run | None:
        """The run of the best trial in the first objective; None before one is complete.

        It is the one that is tested. Its folder may be on another machine.
        """
        return self.run_of(self.best[0]) if self.best else None

    def number_of(self, trial: optuna.trial.FrozenTrial) -> int:
        """Return the number under which a trial was planned, which its run's name has.

        Args:
            trial: The trial, or one that took it up again.
        """
        return ledger.root_of(trial)

    def run_of(self, trial: optuna.trial.FrozenTrial) -> Run:
        """Return a trial's run.

        Args:
            trial: One that has begun to train.
        """
        return Run(self.runs_dir / trial.user_attrs[ledger.RUN])


def run(
    experiment: Callable,
    *,
    trials: int = 50,
    workers: int = 1,
    sampler: str = "tpe",
    pruner: str = "none",
    objectives: Sequence[str] = ("accuracy",),
    storage: str | None = None,
    name: str | None = None,
    runs_dir: str | os.PathLike = "runs",
    seed: int | None = None,
    precision: str | None = "auto",
    heartbeat: int = 10,
    command: str = "",
    on_trial: Callable[[dict], None] = lambda fact: None,
    **settings,
) -> Search:
    """Search an experiment's space, or go on with a search, and test the best trial.

    The experiment's file declares its `space`. Each trial is a run, and each worker a process that
    takes one trial after the other. The same call on other machines, with the same storage, brings
    more workers.

    Args:
        experiment: The experiment's function, in a file that a worker can import.
        trials: How many the search has in the end, at least 1. One that had more keeps them.
        workers: Processes on this machine, at least 1. They share its cores.
        sampler: "tpe", "random", "grid" or "cma-es".
        pruner: "none", "median" or "hyperband": ends trials whose validation curve falls behind.
        objectives: What is searched for: "accuracy", "average_precision" or "loss" on the validation
            split; "parameters", "multiply_adds" or "latency" of the network (milliseconds). Several
            give a Pareto front.
        storage: The address of a database, such as "postgresql://user@host/name"; None for a SQLite
            file in the search's folder.
        name: The search's name; None for the experiment's.
        runs_dir: The folder that holds the runs.
        seed: Of the sampler and of every training; None for 0 and the experiment's own.
        precision: As of `cnnkit.run`.
        heartbeat: Whole seconds from one sign of life of a trial to the next. One that misses three
            is taken up by another worker.
        command: What each run's record says was typed.
        on_trial: Called with a dict about each trial that one of these workers finished.
        **settings: Of the experiment; the search does not vary them.

    Returns:
        The search.

    Raises:
        SettingError: An option or the space has an invalid value, the storage refuses, or the name
            is another search's.
        TrainingError: No trial has a result.
        KeyboardInterrupt: The user stopped it. The same call goes on.
    """
    refuse_while_importing("cnnkit.search.run")
    expect_supported_platform()
    expect_counts(trials=trials, workers=workers, heartbeat=heartbeat)
    directions(tuple(objectives))  # refuses names that are none
    if function_of(experiment) is not experiment:
        raise SettingError("A search takes the experiment's function itself, and settings by name.")
    name = experiment_name(experiment, settings) if name is None else name
    runs_dir = Path(runs_dir).absolute()
    folder = _folder(runs_dir, name)
    job = Job(
        name, **source_and_types(experiment, settings), url=url_of(storage, folder),
        heartbeat=heartbeat, runs_dir=str(runs_dir), sampler=sampler, pruner=pruner,
        objectives=tuple(objectives), seed=seed, precision=precision, command=command,
    )  # fmt: skip
    if experiment is built_in_experiment:
        job = replace(job, image_shape=_image_shape(settings))
    space = job.space(experiment)
    if sampler == "grid":
        trials = min(trials, grid_size(space))
    with _quiet(), refusals_of(job.url):
        _try_once(space)
        study = _begin(job, experiment, space, folder)
        ledger.plan(study, trials)
        Workers(job, study, folder, workers, on_trial).work()
    found = Search(name, study, runs_dir)
    _test_the_best(found)
    return found


def load(name: str, *, storage: str | None = None, runs_dir: str | os.PathLike = "runs") -> Search:
    """Return a search that was begun.

    Args:
        name: Its name.
        storage: As of `run`.
        runs_dir: The folder that holds the runs.

    Returns:
        The search.

    Raises:
        SettingError: There is no such search, or the storage refuses.
    """
    runs_dir = Path(runs_dir).absolute()
    folder = runs_dir / FOLDER / name
    url = url_of(storage, folder)
    if storage is None and not folder.is_dir():
        known = sorted(path.name for path in folder.parent.glob("*") if path.is_dir())
        raise SettingError(
            f"There is no search named {name!r} under {runs_dir}, which has "
            f"{', '.join(known) or 'none'}; --storage names another place."
        )
    storage_of_it = open_storage(url, heartbeat=1)
    with refusals_of(url):
        try:
            study = optuna.load_study(study_name=name, storage=storage_of_it)
        except KeyError:
            raise SettingError(f"The storage has no search named {name!r}.") from None
    return Search(name, study, runs_dir)


def _folder(runs_dir: Path, name: str) -> Path:
    folder = runs_dir / FOLDER / name
    if Path(name).name != name:
        raise SettingError(f"A search's name is one folder's name, not {name!r}: leave out '/'.")
    return folder


def _begin(job: Job, experiment: Callable, space: Space, folder: Path) -> optuna.Study:
    """Make the study, or join it."""
    objectives = len(job.objectives)
    sampler = sampler_of(job.sampler, space, job.seed or 0, objectives)
    pruner = pruner_of(job.pruner, objectives)
    who = identity(
        experiment, experiment_name(experiment, job.settings), space, job.settings, job.objectives
    )
    if job.url == url_of(None, folder):
        _make(folder)  # SQLite's file lies in it
    study = join(open_storage(job.url, job.heartbeat), job.name, who, sampler, pruner)
    _make(folder)  # not before: a search that is refused leaves nothing
    return study


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(f"{folder} cannot be made: {error.strerror}.") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leave out Optuna's own lines about studies and trials."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _try_once(space: Space) -> None:
    """Draw settings once, so that a space that cannot be drawn from is refused before all else."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space.settings(study.ask())


def _image_shape(settings: dict) -> tuple:
    """Return the shape of the data of the built-in experiment, which the ready spaces need."""
    options = dict(settings.get("dataset_options") or {})
    options |= {"skip_bad": True} if settings.get("skip_bad") else {}
    return data.load(settings.get("dataset", "digits"), **options).image_shape


def _test_the_best(search: Search) -> None:
    """Look at the test split, once, with the trial that was chosen without it."""
    if not search.best:
        errors = [
            trial.user_attrs[ledger.ERROR]
            for trial in search.study.get_trials(deepcopy=False)
            if ledger.ERROR in trial.user_attrs
        ]
        reason = f"the first one says: {errors[0]}" if errors else "all were pruned or stopped"
        raise TrainingError(f"No trial of {search.name!r} has a result; {reason}")
    run = search.chosen
    if run is None or not run.folder.is_dir() or run.results.get("test"):
        return
    training.evaluate_finished(run)
