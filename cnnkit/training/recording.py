"""What a run adds to the training loop: its record, its checkpoints, and where to go on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import keras

from cnnkit.runs import Run, log_offsets
from cnnkit.runs.checkpoints import Checkpoint
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule, ResumableCallbacks
from cnnkit.training.checkpointing.signals import StopOnSignal


@dataclass
class Recording:
    """Records a training in a run folder, phase after phase, from a checkpoint on if there is one.

    Attributes:
        run: The run folder.
        observers: Callbacks that come after the user's: TensorBoard, kept weights, record.
        stop: Notes a signal, which ends the training after a step.
        schedule: When checkpoints are written.
        start: The checkpoint with which the next phase goes on; None to begin it.
        ended: The epochs at which the phases before it ended.
        first: Callbacks that come before the user's.
        callbacks: The list of callbacks of the phase that trained last.
    """

    run: Run
    observers: Sequence[keras.callbacks.Callback]
    stop: StopOnSignal
    schedule: CheckpointSchedule
    start: Checkpoint | None = None
    ended: tuple[int, ...] = ()
    first: Sequence[keras.callbacks.Callback] = ()
    callbacks: ResumableCallbacks | None = None

    @property
    def failure(self) -> OSError | None:
        """Why the last checkpoint could not be written; None if it was."""
        return None if self.callbacks is None else self.callbacks.failure

    def resumable(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        *,
        model: keras.Model,
        inputs,
        epochs: int,
        verbose: str | int,
    ) -> ResumableCallbacks:
        """Return the list of callbacks for `model.fit`: the first, these, then the observers."""
        listed = [*self.first, *callbacks, *self.observers]
        self.callbacks = ResumableCallbacks(
            listed,
            model=model,
            epochs=epochs,
            folder=self.run.folder / "checkpoints",
            inputs=inputs,
            stop=self.stop,
            schedule=self.schedule,
            start=self.start,
            log_sizes=lambda: _flushed(self.run, listed),
            previous_phase=self.callbacks,
            ended=self.ended,
            verbose=verbose,
        )
        return self.callbacks

    def initial_epoch(self, epochs: int) -> int:
        """Return the epoch that `model.fit` begins with, of a phase that ends at `epochs`."""
        if self.start is None:
            return self.ended[-1] if self.ended else 0
        # Training had stopped early, and only its end was not recorded: no epoch is left.
        done = self.start.state["stopped"] and not self.start.step
        return epochs if done else self.start.epoch

    def end_phase(self) -> None:
        """Note where the phase ended; the next one begins without a checkpoint."""
        callbacks = cast(ResumableCallbacks, self.callbacks)  # the phase trained with them
        self.ended, self.start = (*self.ended, callbacks.epoch), None


def grown_by(callbacks: Iterable[keras.callbacks.Callback]) -> list[str]:
    """Return the paths of files that callbacks only add to: those of Keras' CSVLogger."""
    return [each.filename for each in callbacks if isinstance(each, keras.callbacks.CSVLogger)]


def _flushed(run: Run, callbacks: Sequence[keras.callbacks.Callback]) -> dict[str, int]:
    """Write out what callbacks have buffered, and return the sizes of files that only grow."""
    for callback in callbacks:
        if hasattr(callback, "flush"):
            callback.flush()
    return log_offsets.sizes(run.folder, grown_by(callbacks))
