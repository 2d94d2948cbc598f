"""The callbacks of `model.fit` as a list that saves all of training's state, and goes on from it.

Keras calls a list of callbacks as it calls one. This one saves when every callback has heard of a
step or an epoch, and so between two states, never inside one. To go on in mid-epoch, it lets Keras
count through the steps that were done before: no callback hears of them, and none is trained on.
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
    """When checkpoints are written: at the end of every epoch, and within one as often as said.

    minutes: from one to the next; None for none within an epoch. steps: likewise.
    """

    minutes: float | None = 10.0
    steps: int | None = None

    def __post_init__(self):
        for name in ("minutes", "steps"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise SettingError(f"checkpoint_{name} is above 0, not {value}.")


class ResumableCallbacks(keras.callbacks.CallbackList):
    """Callbacks that are saved with all else, and that go on where a checkpoint ends.

    folder: where checkpoints are. inputs: what `model.fit` is given. stop: asked after every batch.
    start: the checkpoint to go on from; give `model.fit` `initial_epoch=` of the same. appended: a
    function that flushes files which only grow, and returns their sizes by name. after: those of
    the phase before this one, if it was trained, too. ended: the epochs at which phases ended.

    A checkpoint that cannot be written is told once, in a warning, and tried again at the next;
    `failure` is the OSError of the last one, or None.
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
        self._told, self._written = False, time.monotonic()
        self._saved: tuple[int, int] | None = None
        self._metrics: dict[str, np.ndarray] = {}
        self._logs: dict[str, float] = {}

    @property
    def remembering(self) -> list[keras.callbacks.Callback]:
        """The callbacks whose state is kept: all but the progress bar, which is the screen's."""
        return [each for each in self.callbacks if each is not self._progbar]

    def on_train_begin(self, logs=None):
        """Begin; then put everything back as it was."""
        super().on_train_begin(logs)
        # What a callback was before the first phase: a checkpoint holds what is no longer so.
        self._before = self._before or [state.attributes_of(each) for each in self.remembering]
        self._written = time.monotonic()
        if self.start is None:
            return
        arrays, known = self.start.arrays, self.start.state
        variables = state.variables_of(self.model)
        for group in ("model", "optimizer"):
            state.assign(group, variables[group], arrays)
        state.remind(self.remembering, known["callbacks"], arrays)
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
        """Pass it on, unless the step was done before; then save where it is time."""
        if batch < self.step:
            return
        super().on_train_batch_end(batch, logs)
        self.step = batch + 1
        if self.step < self.inputs.reached:
            return  # in mid-execution, where weights are those of its end
        # The last step of a stream of unknown length is known only when there is no other.
        is_last = self.steps is None or self.step >= self.steps
        if self.stop.received is not None or is_last or self.model.stop_training:
            self._keep_metrics(logs)
        if self.stop.received is not None:
            self.save()
            self.stop.check()
        elif (self.steps is None or self.step < self.steps) and self._is_time():
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
        """Write a checkpoint of this moment; raises TrainingError where a number is not finite.

        What the disk refuses is no exception: it is told once, and stands in `failure`.
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
            if not self._told:
                self._told = True
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
        remembered, more = state.remembered(self.remembering, self._before)
        known = {
            "callbacks": remembered,
            "logs": self._logs,
            "stopped": bool(self.model.stop_training),
            "log_sizes": self.log_sizes(),
            "phases_ended": list(self.ended),
        }
        return checkpoints.Checkpoint(self.epoch, self.step, arrays | more, known)

    def _keep_metrics(self, logs) -> None:
        # Validation resets them, and a signal in it goes back to the end of the training before.
        self._metrics = state.arrays_of("metrics", state.variables_of(self.model)["metrics"])
        self._logs = {name: float(value) for name, value in logs.items()}

    def _is_time(self) -> bool:
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
