"""compile, callbacks, `model.fit`: the whole of training."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.callbacks.explain import Explain
from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Split
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.experiment import phases
from cnnkit.experiment.experiment import Experiment
from cnnkit.keras_graph.fused_normalization import fused_batch_normalization
from cnnkit.runs import Run, log_offsets
from cnnkit.runs.checkpoints import Checkpoint
from cnnkit.tensorboard.log import TensorBoardLog
from cnnkit.training.callbacks import non_finite
from cnnkit.training.callbacks.record import KeepWeights, Record, StopOnNonFinite
from cnnkit.training.checkpointing.callback_list import ResumableCallbacks, Saving
from cnnkit.training.checkpointing.signals import StopOnSignal
from cnnkit.training.deployment import deployed
from cnnkit.training.steps.frozen_features import trained_part
from cnnkit.training.steps.inputs import made_in_step
from cnnkit.training.steps.multi_step import length_for


@dataclass(frozen=True)
class Fitted:
    """What training leaves: the model as it is saved, and what is known of the chosen epoch.

    head: what was trained last, where that is the rest of the model behind frozen layers, on what
        these gave each training image; else None.
    """

    model: keras.Model
    head: Experiment | None
    validation: dict  # epoch, accuracy (of several classes: average_precision), loss
    epoch_seconds: list[float]
    unsaved: OSError | None  # why the last checkpoint could not be written


def fit(
    experiment: Experiment,
    run: Run,
    log: TensorBoardLog,
    stop: StopOnSignal,
    seed: int,
    saving: Saving,
    start: Checkpoint | None = None,
) -> Fitted:
    """Train the experiment's model, record it in the run folder, and end with the weights kept.

    start: where to go on, or None to begin. Raises TrainingError when data, loss or weights are not
    finite, Interrupted after a signal.
    """
    non_finite.expect_sound(experiment.data)
    for callback in experiment.callbacks:
        if isinstance(callback, Explain) and callback.folder is None:
            callback.folder = run.folder / "tensorboard" / "explain"
    record, kept = (
        Record(run),
        KeepWeights(run, deployed(experiment), restore_best=experiment.restore_best_weights),
    )
    fitting = _Fitting(run, log, record, kept, stop, seed, saving)
    ended = tuple(start.state["phases_ended"]) if start else ()
    known, last = [], None
    for phase, trains in phases.begun(experiment):
        known.append(trains)
        if len(known) <= len(ended):
            continue
        if experiment.phases:
            phases.tell(run, known, 1 + len(experiment.phases))
        part = trained_part(phase, seed)
        last = fitting.fit(phase, part, start, last, ended)
        ended, start = (*ended, last.epoch), None
    score = "average_precision" if experiment.data.multi_label else "accuracy"
    chosen = {name: kept.logs.get(f"val_{name}") for name in (score, "loss")}
    alone = part is not phase and phase.augment is None
    return Fitted(
        kept.deployed,
        part if alone else None,
        {"epoch": kept.epoch} | chosen,
        record.epoch_seconds,
        last.failure,
    )


@dataclass(frozen=True)
class _Fitting:
    """What all phases of a training share."""

    run: Run
    log: TensorBoardLog
    record: Record
    kept: KeepWeights
    stop: StopOnSignal
    seed: int
    saving: Saving

    def fit(
        self,
        phase: Experiment,
        part: Experiment,
        start: Checkpoint | None,
        after: ResumableCallbacks | None,
        ended: tuple[int, ...],
    ) -> ResumableCallbacks:
        """Train a phase's part, from a checkpoint or after another one; `ended` is when those did."""
        data, model = part.data, part.model
        model.compile(phase.optimizer, phase.loss, metrics=list(phase.metrics))
        train = Batches(data.train, seed=self.seed, **part.train_batch_options)
        validation = Batches(data.validation, **part.batch_options)
        own = _growing_on(phase.callbacks) if start or ended else phase.callbacks
        own = [train.follow(), StopOnNonFinite(train), *own]
        callbacks = [*own, self.log, self.kept, self.record]
        first = ended[-1] if ended else 0
        length = length_for(phase.callbacks, multiple=self.saving.steps)
        with (
            fused_batch_normalization(model),
            made_in_step(model, train, validation, length) as (inputs, validation_inputs),
        ):
            resumable = ResumableCallbacks(
                callbacks,
                model=model,
                epochs=first + phase.epochs,
                folder=self.run.folder / "checkpoints",
                inputs=inputs,
                stop=self.stop,
                saving=self.saving,
                start=start,
                appended=lambda: _flushed(self.run, callbacks),
                after=after,
                ended=ended,
            )
            model.fit(
                inputs,
                validation_data=validation_inputs,
                epochs=first + phase.epochs,
                initial_epoch=_first_epoch(start, first, first + phase.epochs),
                shuffle=False,  # `train` has its own order; Keras would give its steps in another
                callbacks=resumable,
            )
        return resumable


def _first_epoch(start: Checkpoint | None, first: int, end: int) -> int:
    if start is None:
        return first
    return end if start.state["stopped"] and not start.step else start.epoch


def _growing_on(callbacks: Sequence[keras.callbacks.Callback]) -> Sequence:
    """Tell Keras' CSVLogger to add to its file, which it would empty."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.append = True
    return callbacks


def _flushed(run: Run, callbacks: Sequence[keras.callbacks.Callback]) -> dict[str, int]:
    """Write out what callbacks have buffered, and return how long the files are that only grow."""
    for callback in callbacks:
        if hasattr(callback, "flush"):
            callback.flush()
    others = [each.filename for each in callbacks if isinstance(each, keras.callbacks.CSVLogger)]
    return log_offsets.sizes(run.folder, others)


def evaluate(
    model: keras.Model, split: Split, class_names: tuple[str, ...], stop: StopOnSignal
) -> Evaluation | MultiLabelEvaluation:
    """Return what the predictions of a model from raw inputs to probabilities are worth."""
    batches = Batches(split, batch_size=256)
    probabilities = model.predict(batches, verbose=0, callbacks=[stop])
    kind = MultiLabelEvaluation if split.multi_label else Evaluation
    return kind(split.labels, np.asarray(probabilities, np.float64), class_names)
