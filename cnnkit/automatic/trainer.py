"""Trains the candidates: each trial is an ordinary run, whose test split is left alone."""

import contextlib
import io
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import keras

from cnnkit.automatic.candidates import Candidate
from cnnkit.automatic.halving import Trial
from cnnkit.automatic.recipe import automatic
from cnnkit.errors import CnnkitError
from cnnkit.runs import Run
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.run import run_watched
from cnnkit.training.watch import Watch


class StopAt(keras.callbacks.Callback):
    """Ends a training after the epoch in which time is up.

    Args:
        clock: The time in seconds.
        deadline: When time is up.
    """

    def __init__(self, clock: Callable[[], float], deadline: float):
        super().__init__()
        self.clock, self.deadline = clock, deadline

    def on_epoch_end(self, epoch, logs=None):
        """Stop if time is up."""
        if self.clock() >= self.deadline:
            self.model.stop_training = True


@dataclass
class Trainer:
    """Trains candidates as runs, and keeps the trials.

    Attributes:
        name: Begins the name of every run.
        settings: Of all trials, such as the data set.
        runs_dir: Where runs are made.
        command: What experiment.json says was typed.
        seed: Of every training.
        clock: The time in seconds.
        deadline: When the last epoch of any training ends.
        say: Called with a line of progress.
        trials: All trials so far.
    """

    name: str
    settings: Mapping
    runs_dir: Path
    command: str
    seed: int
    clock: Callable[[], float]
    deadline: float
    say: Callable[[str], None]
    trials: list[Trial] = field(default_factory=list)

    def train(self, candidate: Candidate, epochs: int, until: float | None = None) -> Trial:
        """Train a candidate.

        Args:
            candidate: What to train.
            epochs: For how long.
            until: When its last epoch ends, at the latest; None for `deadline`.

        Returns:
            The trial; one with a reason if the candidate does not work on these data.

        Raises:
            KeyboardInterrupt: The user stopped it.
        """
        number, began = len(self.trials) + 1, self.clock()
        keras.backend.clear_session()  # else the graphs of all trials stay in memory
        try:
            run = self._run(candidate, epochs, number, self.deadline if until is None else until)
            trial = _trial(candidate, epochs, self.clock() - began, run)
            outcome = f"validation {trial.accuracy:.2%}"
        except CnnkitError as error:
            trial = Trial(candidate, epochs, self.clock() - began, reason=str(error))
            outcome = f"failed: {error}"
        self.trials.append(trial)
        left = in_minutes(self.deadline - self.clock())
        self.say(f"{left} left  {candidate.name}, {trial.epochs} epochs: {outcome}")
        return trial

    @property
    def best(self) -> Trial | None:
        """The best finished trial by its validation accuracy, then its loss; None so far."""
        finished = [trial for trial in self.trials if trial.run is not None]
        return max(finished, key=lambda trial: trial.rank, default=None)

    def _run(self, candidate: Candidate, epochs: int, number: int, until: float) -> Run:
        settings = {**self.settings, **candidate.settings, "epochs": epochs, "seed": self.seed}
        watch = Watch(
            callbacks=[StopAt(self.clock, until)],
            recipe={"study": {"name": self.name, "trial": number}, "command": self.command},
            verbose=0,
        )
        with contextlib.redirect_stdout(io.StringIO()):  # which repeats what the data are
            return run_watched(
                automatic, settings, watch, CheckpointSchedule(), seed=self.seed,
                runs_dir=self.runs_dir, name=f"{self.name}-{number:02}", precision="auto",
            )  # fmt: skip


def _trial(candidate: Candidate, epochs: int, seconds: float, run: Run) -> Trial:
    validation, paces = run.results["validation"], run.results["timing"]["epoch_seconds"]
    return Trial(
        candidate, min(epochs, len(paces)), seconds, run,
        accuracy=float(validation["accuracy"]), loss=float(validation["loss"]),
        pace=statistics.median(paces),
    )  # fmt: skip


def in_minutes(seconds: float) -> str:
    """Return seconds as minutes and seconds.

    Args:
        seconds: Any number; less than 0 counts as 0.

    >>> in_minutes(75)
    '1:15'
    """
    minutes, rest = divmod(round(max(seconds, 0)), 60)
    return f"{minutes}:{rest:02}"
