"""A list of Keras callbacks that saves checkpoints of a training, and continues from one.

`model.fit` calls this list where it would call its own. A checkpoint is written only after every
callback has seen a step or an epoch, so it never holds a state in between. To continue in the middle
of an epoch, Keras counts through the steps that were done before: no callback sees them, and nothing
is trained.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from cnnkit.errors import SettingError, TrainingError
from cnnkit.runs import checkpoints
from cnnkit.training.callbacks.record import HINT
from cnnkit.training.checkpointing import state
from cnnkit.training.checkpointing.signals import StopOnSignal
from cnnkit.training.steps.inputs import StepInputs

RETRY_SECONDS = 60.0  # from a write that failed in mid-epoch to the next attempt


@dataclass(frozen=True)
class CheckpointSchedule:
    """When checkpoints are written: at the end of every epoch, and within it if asked for.

    Attributes:
        minutes: Time from one to the next within an epoch, above 0; None for none.
        steps: Steps from one to the next within an epoch, above 0; None for none.

    Raises:
        SettingError: A value is not above 0.
    """

    minutes: float | None = 10.0
    steps: int | None = None

    def __post_init__(self):
        for name in ("minutes", "steps"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise SettingError(f"checkpoint_{name} is above 0, not {value}.")


class ResumableCallbacks(keras.callbacks.CallbackList):
    """Callbacks whose state is saved with the training's, and which continue from a checkpoint.

    If a checkpoint cannot be written, it warns once and tries again at the next; `failure` is the
    last OSError, or None.

    Args:
        callbacks: In the order in which they are called.
        model: The compiled model.
        epochs: The number of the last epoch.
        folder: Where checkpoints are written.
        inputs: What `model.fit` trains on: StepInputs, or inputs of `cnnkit.fit`.
        stop: Asked after every step whether a signal came.
        schedule: When checkpoints are written.
        start: The checkpoint to continue from; `model.fit` begins with its epoch.
        log_sizes: Flushes the files that only grow, and returns their sizes by name.
        previous_phase: The list of the phase before, if it trained in this process.
        ended: The epochs at which earlier phases ended.
        verbose: As in `model.fit`.
    """

    def __init__(
        self,
        callbacks: list[keras.callbacks.Callback],
        *,
        model: keras.Model,
        epochs: int,
        folder: Path,
        inputs: StepInputs,
        stop: StopOnSignal,
        schedule: CheckpointSchedule,
        start: checkpoints.Checkpoint | None = None,
        log_sizes: Callable[[], dict[str, int]] = dict,
        previous_phase: "ResumableCallbacks | None" = None,
        ended: tuple[int, ...] = (),
        verbose: str | int = "auto",
    ):
        self.steps = inputs.num_batches
        super().__init__(
            callbacks, add_history=True, add_progbar=verbose != 0, model=model, verbose=verbose,
            epochs=epochs, steps=self.steps,
        )  # fmt: skip
        self.folder, self.inputs, self.stop, self.schedule = folder, inputs, stop, schedule
        self.start, self.log_sizes = start, log_sizes
        self.ended = ended
        self.epoch, self.step = ended[-1] if ended else 0, 0
        self.failure: OSError | None = None
        self._before: list[dict] = previous_phase._before if previous_phase else []
        self._warned, self._written = False, time.monotonic()
        self._saved: tuple[int, int] | None = None
        self._metrics: dict[str, np.ndarray] = {}
        self._logs: dict[str, float | list] = {}  # a list of a metric with a number a class

    @property
    def saved_callbacks(self) -> list[keras.callbacks.Callback]:
        """The callbacks whose state is saved: all but the progress bar."""
        return [each for each in self.callbacks if each is not self._progbar]

    def on_train_begin(self, logs=None):
        """Begin; then restore everything from the checkpoint."""
        super().on_train_begin(logs)
        # A checkpoint holds only attributes that changed since then: other ones may be settings,
        # which the experiment has set again.
        self._before = self._before or [state.attributes_of(each) for each in self.saved_callbacks]
        self._written = time.monotonic()
        if self.start is None:
            return
        arrays, known = self.start.arrays, self.start.state
        variables = state.variables_of(self.model)
        for group in ("model", "optimizer"):
            state.assign(group, variables[group], arrays)
        state.restore_callbacks(self.saved_callbacks, known["callbacks"], arrays)
        self.epoch, self.step = self.start.epoch, self.start.step
        self._saved = (self.epoch, self.step)  # a checkpoint of this moment is on disk already
        self.model.stop_training = known["stopped"]
        self.model.train_function = _after(
            self.model.train_function,
            self.start.step,
            known["logs"],
            inputs=self.inputs,
            steps_per_execution=self.model.steps_per_execution,
        )

    def on_epoch_begin(self, epoch, logs=None):
        """Begin an epoch, or go on with one."""
        self.inputs.first, self.inputs.epoch = 0, epoch
        if self.start is None or epoch != self.start.epoch or not self.start.step:
            self.epoch, self.step = epoch, 0
            super().on_epoch_begin(epoch, logs)
            return
        metrics = state.variables_of(self.model)["metrics"]
        state.assign("metrics", metrics, self.start.arrays)
        self._keep_metrics(self.start.state["logs"])
        self.inputs.first = self.start.step
        if self._progbar is not None:
            self._progbar.on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        """Pass it on, unless the step was done before."""
        if batch >= self.step:
            super().on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        """Pass it on, unless the step was done before; then save if a checkpoint is due."""
        if batch < self.step:
            return
        super().on_train_batch_end(batch, logs)
        self.step = batch + 1
        if self.step < self.inputs.reached:
            return  # later steps of the execution have changed the weights already
        # The last step of a stream of unknown length is known only when there is no other.
        is_last = self.steps is None or self.step >= self.steps
        if self.stop.received is not None or is_last or self.model.stop_training:
            self._keep_metrics(logs)
        if self.stop.received is not None:
            self.save()
            self.stop.check()
        elif (self.steps is None or self.step < self.steps) and self._is_due():
            self._keep_metrics(logs)
            self.save()

    def on_test_batch_end(self, batch, logs=None):
        """Pass it on; after a signal, save the training that validation follows."""
        super().on_test_batch_end(batch, logs)
        if self.stop.received is not None:
            self.save()
            self.stop.check()

    def on_epoch_end(self, epoch, logs=None):
        """Pass it on, and save."""
        super().on_epoch_end(epoch, logs)
        self.epoch, self.step, self._metrics, self._logs = epoch + 1, 0, {}, {}
        self.save()
        self.stop.check()

    def on_train_end(self, logs=None):
        """Try once more what failed, and end."""
        if self.failure is not None:
            self.save()
        super().on_train_end(logs)

    def save(self) -> None:
        """Write a checkpoint of this moment; raises TrainingError if a number is not finite.

        An OSError is not raised: it is warned of once, and stands in `failure`.
        """
        place = (self.epoch, self.step)
        if place == self._saved and self.failure is None:
            return
        checkpoint = self._checkpoint()
        self._written = time.monotonic()
        try:
            checkpoints.write(self.folder, checkpoint)
        except OSError as error:
            self.failure = error
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"A checkpoint cannot be written, and training goes on: {error}. "
                    "It is tried again; make room, or stop to resume elsewhere.",
                    stacklevel=2,
                )
        else:
            self.failure, self._saved = None, place

    def _checkpoint(self) -> checkpoints.Checkpoint:
        variables = state.variables_of(self.model)
        arrays = dict(self._metrics)
        for group in ("model", "optimizer"):
            own = state.arrays_of(group, variables[group])
            _expect_finite(own, self.epoch, self.step)
            arrays |= own
        remembered, more = state.state_of_callbacks(self.saved_callbacks, self._before)
        known = {
            "callbacks": remembered,
            "logs": self._logs,
            "stopped": bool(self.model.stop_training),
            "log_sizes": self.log_sizes(),
            "phases_ended": list(self.ended),
        }
        return checkpoints.Checkpoint(self.epoch, self.step, arrays | more, known)

    def _keep_metrics(self, logs) -> None:
        # Validation resets the metrics. A run that is interrupted in it resumes with the end of
        # training, and so needs them as they were there.
        self._metrics = state.arrays_of("metrics", state.variables_of(self.model)["metrics"])
        self._logs = {name: np.asarray(value).tolist() for name, value in logs.items()}

    def _is_due(self) -> bool:
        waited = time.monotonic() - self._written
        if self.failure is not None:
            return waited > RETRY_SECONDS
        minutes, steps = self.schedule.minutes, self.schedule.steps
        return bool(steps and self.step % steps == 0) or bool(minutes and waited > 60 * minutes)


def _after(
    train_function: Callable, steps: int, logs: dict, *, inputs, steps_per_execution: int
) -> Callable:
    """Return a train function that passes over so many steps, and then trains as this one does."""
    left = steps

    def function(*arguments):  # the iterator; on JAX, the state before it
        nonlocal left
        if left <= 0:
            return train_function(*arguments)
        inputs.skip(arguments[-1], steps_per_execution)
        left -= steps_per_execution
        return logs if len(arguments) == 1 else (logs, arguments[0])

    return function


def _expect_finite(arrays: dict[str, np.ndarray], epoch: int, step: int) -> None:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            group, _, path = name.split("/", 2)
            raise TrainingError(
                f"The {group}'s variable {path} is no longer finite after epoch {epoch}, step "
                f"{step}, and no checkpoint is written of it; {HINT}."
            )
