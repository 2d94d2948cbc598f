"""The one training loop: compile, callbacks, `model.fit`. Runs, folds and the rate finder share it."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras

from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Split
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.experiment import phases
from cnnkit.experiment.experiment import Experiment
from cnnkit.experiment.monitor import accuracy_name
from cnnkit.keras_graph.fused_normalization import fused_batch_normalization
from cnnkit.runs import Run
from cnnkit.runs.checkpoints import Checkpoint
from cnnkit.runs.model_description import description_of
from cnnkit.tensorboard.log import TensorBoardCallback
from cnnkit.training.callbacks import non_finite
from cnnkit.training.callbacks.record import KeepWeights, Record, StopOnNonFinite
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.checkpointing.signals import StopOnSignal
from cnnkit.training.deployment import deployable_model
from cnnkit.training.distribution.replicas import active
from cnnkit.training.recording import Recording
from cnnkit.training.steps.fit_inputs import StreamInputs
from cnnkit.training.steps.frozen_features import without_frozen_part
from cnnkit.training.steps.inputs import batches_made_in_step
from cnnkit.training.steps.multi_step import steps_per_execution
from cnnkit.training.watch import NOT_WATCHED, Watch


@dataclass(frozen=True)
class TrainingResult:
    """What training leaves.

    Attributes:
        model: The model to save, with the chosen weights.
        head: What was trained last, where that is the rest of the model on the features of its
            frozen layers; else None.
        validation: Of the chosen epoch: epoch, loss, accuracy or average_precision, and what chose
            it: monitor, mode and monitored, its value.
        epoch_seconds: How long each epoch took.
        checkpoint_error: Why the last checkpoint could not be written; None where it was.
    """

    model: keras.Model
    head: Experiment | None
    validation: dict
    epoch_seconds: list[float]
    checkpoint_error: OSError | None


def fit(
    experiment: Experiment,
    run: Run,
    log: TensorBoardCallback,
    stop: StopOnSignal,
    seed: int,
    schedule: CheckpointSchedule,
    start: Checkpoint | None = None,
    watch: Watch = NOT_WATCHED,
) -> TrainingResult:
    """Train an experiment through all of its phases, and record it in the run folder.

    Args:
        experiment: What to train.
        run: The folder to record it in.
        log: What TensorBoard shows.
        stop: Notes a signal, which ends the training after a step.
        seed: Gives the order of the samples and the augmentation.
        schedule: When checkpoints are written.
        start: The checkpoint to go on from; None to begin.
        watch: Who watches.

    Returns:
        The trained model, with the weights that the experiment asks for, and its results.

    Raises:
        TrainingError: Data, loss or weights are not finite.
        Interrupted: A signal came.
    """
    non_finite.expect_sound(experiment.data)
    explain: tuple = ()
    if experiment.explain is not None:
        folder = run.folder / "tensorboard" / "explain"
        explain = (experiment.explain.callback(experiment.data, folder),)
    names, monitor = experiment.data.class_names, experiment.monitored
    record = Record(run, log.learning_rate, names)
    keep = KeepWeights(
        run, deployable_model(experiment), monitor, names,
        restore_best=experiment.restore_best_weights,
        description=description_of(run, experiment.data.task.name),
    )  # fmt: skip
    ended = tuple(start.state["phases_ended"]) if start else ()
    observers, first = (*explain, log, keep, record, *watch.callbacks), (log.learning_rate,)
    recording = Recording(run, observers, stop, schedule, start, ended, first)
    begun = []
    for phase, trained_layers in phases.begin_each(experiment):
        begun.append(trained_layers | {"first_epoch": (0, *recording.ended)[len(begun)] + 1})
        if len(begun) <= len(ended):
            continue
        if experiment.phases:
            phases.announce(run, begun, 1 + len(experiment.phases))
        part = without_frozen_part(phase, seed, stop.check)
        fit_part(phase, part, seed=seed, recording=recording, verbose=watch.verbose)
        recording.end_phase()
    alone = part is not phase and phase.augment is None
    return TrainingResult(
        keep.deployed,
        part if alone else None,
        {"epoch": keep.epoch} | _chosen(experiment, keep.logs),
        record.epoch_seconds,
        recording.failure,
    )


def _chosen(experiment: Experiment, logs: dict[str, float]) -> dict:
    """Return what results.json says of the chosen epoch, beside its number."""
    score, monitor = experiment.data.task.validation_score, experiment.monitored
    logged = accuracy_name(experiment.metrics or ()) if score == "accuracy" else score
    return {
        score: logs.get(f"val_{logged}"),
        "loss": logs.get("val_loss"),
        "monitor": monitor.name,
        "mode": monitor.mode,
        "monitored": logs.get(monitor.name),
    }


def fit_part(
    phase: Experiment,
    part: Experiment,
    *,
    seed: int,
    first_epoch: int = 0,
    recording: Recording | None = None,
    validate: bool = True,
    stop_on_non_finite: bool = True,
    verbose: str | int = "auto",
) -> keras.callbacks.History:
    """Train one phase of an experiment.

    Args:
        phase: Gives optimizer, loss, metrics, epochs and callbacks.
        part: Gives model and data: the phase itself, or what is left of it behind frozen layers.
        seed: Gives the order of the samples and the augmentation.
        first_epoch: The number of its first epoch, as Keras' `initial_epoch`.
        recording: Of a run; it says itself which epoch is the first. None records nothing.
        validate: Whether to validate after each epoch.
        stop_on_non_finite: Whether a loss or weight that is not finite raises TrainingError.
        verbose: As in `model.fit`.

    Returns:
        Keras' history.
    """
    data, model, replicas = part.data, part.model, active()
    model.compile(phase.optimizer, phase.loss, metrics=list(phase.metrics or ()))
    train = Batches(data.train, seed=seed, **part.train_batch_options)
    validation = Batches(data.validation, **part.batch_options)
    first_epoch = recording.ended[-1] if recording and recording.ended else first_epoch
    checks = [StopOnNonFinite(train)] if stop_on_non_finite else []
    callbacks = phase.callbacks if replicas is None else replicas.callbacks(phase.callbacks)
    length = steps_per_execution(
        phase.callbacks, multiple=recording.schedule.steps if recording else None
    )
    with (
        fused_batch_normalization(model),
        batches_made_in_step(model, train, validation, length) as (inputs, validation_inputs),
    ):
        return fit_inputs(
            model,
            inputs,
            validation_inputs if validate else None,
            callbacks=[train.follow(), *checks, *callbacks],
            epochs=first_epoch + phase.epochs,
            first_epoch=first_epoch,
            recording=recording,
            verbose=verbose,
        )


def fit_inputs(
    model: keras.Model,
    inputs,
    validation_data,
    *,
    callbacks: Sequence[keras.callbacks.Callback],
    epochs: int,
    first_epoch: int = 0,
    recording: Recording | None = None,
    verbose: str | int = "auto",
    **options,
) -> keras.callbacks.History:
    """Call `model.fit` of a compiled model, recorded and resumable where there is a recording.

    Args:
        model: A compiled model.
        inputs: What `model.fit` takes as `x`; with a recording, StepInputs or another of
            `training.steps` that can begin in the middle of an epoch.
        validation_data: As in `model.fit`.
        callbacks: As in `model.fit`.
        epochs: As in `model.fit`: the number of the last epoch.
        first_epoch: `initial_epoch` of `model.fit`, where there is no recording.
        recording: Of a run.
        verbose: As in `model.fit`.
        **options: More of `model.fit`.

    Returns:
        Keras' history.
    """
    if recording is not None:
        first_epoch = recording.initial_epoch(epochs)
    if first_epoch or (recording and recording.start):
        _append_to_csv(callbacks)
    if recording is not None:
        callbacks = recording.resumable(
            callbacks, model=model, inputs=inputs, epochs=epochs, verbose=verbose
        )
    return model.fit(
        inputs.source if isinstance(inputs, StreamInputs) else inputs,
        validation_data=validation_data,
        epochs=epochs,
        initial_epoch=first_epoch,
        shuffle=False,  # the inputs have an order of their own, which Keras would shuffle once more
        callbacks=callbacks,
        verbose=verbose,
        **options,
    )


def _append_to_csv(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Let Keras' CSVLogger add to its file, which it would empty."""
    for callback in callbacks:
        if isinstance(callback, keras.callbacks.CSVLogger):
            callback.append = True


def evaluate(
    model: keras.Model, split: Split, class_names: tuple[str, ...], stop: StopOnSignal
) -> Evaluation | MultiLabelEvaluation:
    """Evaluate the predictions of a model from raw inputs to probabilities.

    Args:
        model: Takes raw inputs, and returns probabilities of shape (batch, classes).
        split: What to predict.
        class_names: A name for each output.
        stop: Ends the prediction after a signal.

    Returns:
        The evaluation that fits the split's labels.

    Raises:
        Interrupted: A signal came.
    """
    batches = Batches(split, batch_size=256)
    probabilities = model.predict(batches, verbose=0, callbacks=[stop])
    return split.task.evaluate(split.labels, probabilities, class_names)
