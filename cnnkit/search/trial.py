"""One trial of a search: an ordinary run, which a trial that was interrupted continues."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import keras
import optuna

from cnnkit.errors import RunFolderError, StoppedError
from cnnkit.experiment.experiment import Experiment
from cnnkit.experiment.monitor import accuracy_name
from cnnkit.experiment.rebuild import experiment_name
from cnnkit.runs import Run
from cnnkit.search import ledger
from cnnkit.search.objectives import curve_name, values_of
from cnnkit.search.space import Space
from cnnkit.search.study import refuse_other_data
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.run import resume_watched, run_watched
from cnnkit.training.watch import Watch

WAIT_SECONDS = 1.0  # between two looks at a run folder that another process still has


class ReportToPruner(keras.callbacks.Callback):
    """Reports the validation curve to Optuna, and ends a training that falls behind.

    Each report is a transaction, so epochs are chosen: 1, 2, 3, 4, 6, 8, 12, 16, 24, ... They do not
    depend on a trial's settings, because a pruner compares trials at the same epoch.

    Args:
        trial: Optuna's trial.
        name: What is reported, in Keras' logs.
    """

    def __init__(self, trial: optuna.Trial, name: str):
        super().__init__()
        self.trial, self.name = trial, name

    def on_epoch_end(self, epoch, logs=None):
        """Report the epoch, and stop if the trial is pruned."""
        done = epoch + 1
        if not is_reported(done) or self.name not in (logs or {}):
            return
        self.trial.report(float(logs[self.name]), done)
        if self.trial.should_prune():
            raise StoppedError(f"pruned after epoch {done} by the search")


def is_reported(epoch: int) -> bool:
    """Return whether an epoch, counted from 1, is one that is reported.

    >>> [epoch for epoch in range(1, 50) if is_reported(epoch)]
    [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48]
    """
    half = 2 ** max(epoch.bit_length() - 2, 0)
    return epoch % half == 0


@dataclass
class Trainer:
    """Trains the trials of a search.

    Attributes:
        study: The study.
        space: What the trials' settings are drawn from.
        objectives: What is searched for.
        runs_dir: Where the runs are made.
        seed: Of every trial's training; None for the experiment's own.
        precision: As of `cnnkit.run`.
        command: What experiment.json says was typed.
        run_seconds: How long the last run took, with building what it trains.
    """

    study: optuna.Study
    space: Space
    objectives: tuple[str, ...]
    runs_dir: Path
    seed: int | None = None
    precision: str | None = "auto"
    command: str = ""
    run_seconds: float = field(default=0.0, init=False)

    def train(self, trial: optuna.Trial, root: int) -> list[float]:
        """Train a trial, and return its values.

        Args:
            trial: Optuna's trial.
            root: The number under which it was planned.

        Returns:
            A value an objective.

        Raises:
            TrialPruned: It fell behind.
        """
        keras.backend.clear_session()  # else the graphs of all trials stay in memory
        settings = self.space.settings(trial)
        try:
            run = self._run(trial, root, settings)
        except StoppedError as error:
            raise optuna.TrialPruned(str(error)) from None
        return values_of(run, self.objectives)

    def _run(self, trial: optuna.Trial, root: int, settings: Mapping) -> Run:
        function = self.space.function
        name = f"{self.study.study_name}-{root:04d}"
        run = Run(self.runs_dir / experiment_name(function, dict(settings)) / name)
        watch, begun = self._watch(trial, root), ledger.RUN in trial.user_attrs
        if begun and (run.folder / "SHA256SUMS").exists():  # with which it can be resumed
            return self._continued(run, watch)
        trial.set_user_attr(ledger.RUN, f"{run.folder.parent.name}/{run.name}")
        began = time.perf_counter()
        try:
            return run_watched(
                function, dict(settings), watch, CheckpointSchedule(), seed=self.seed,
                runs_dir=self.runs_dir, name=name, precision=self.precision,
            )  # fmt: skip
        finally:
            self.run_seconds = time.perf_counter() - began

    def _continued(self, run: Run, watch: Watch) -> Run:
        """Return the finished run of a trial whose worker was stopped or killed."""
        while run.status["state"] != "finished":
            try:
                # Other machines may have other threads or versions; the data were compared.
                return resume_watched(
                    self.space.function, run, {}, watch, CheckpointSchedule(), allow_changes=True
                )
            except RunFolderError as error:
                if "Another process works in" not in str(error):
                    raise
                time.sleep(WAIT_SECONDS)  # it stops at its next report, for its trial is taken
        return run

    def _watch(self, trial: optuna.Trial, root: int) -> Watch:
        callbacks: list[keras.callbacks.Callback] = []

        def expect(experiment: Experiment) -> None:
            refuse_other_data(self.study, experiment.data.content_hash)
            name = curve_name(self.objectives[0], accuracy_name(experiment.metrics or ()))
            prunes = not isinstance(self.study.pruner, optuna.pruners.NopPruner)
            if prunes and name is not None:
                callbacks.append(ReportToPruner(trial, name))

        study = {"name": self.study.study_name, "trial": root}
        return Watch(
            callbacks=callbacks,  # those that `expect` adds, once it knows the metrics
            recipe={"study": study, "command": self.command},
            expect=expect,
            verbose=0,
        )
