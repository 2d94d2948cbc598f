"""cnnkit.fit: `model.fit` of a compiled Keras model that leaves a run folder, and can be resumed."""

import contextlib
import os
import time
import warnings

import keras

from cnnkit import atomic, report
from cnnkit.errors import RunFolderError, SettingError
from cnnkit.evaluation.tasks import SingleLabel
from cnnkit.runs import Run, checksums
from cnnkit.runs.lock import locked
from cnnkit.runs.model_description import description_of
from cnnkit.runs.undo import restored_if_refused
from cnnkit.settings import expect_counts
from cnnkit.tensorboard.log import TensorBoardCallback
from cnnkit.training.callbacks.record import Record, StopOnNonFinite
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.checkpointing.signals import StopOnSignal
from cnnkit.training.deployment import first_filters, model_file
from cnnkit.training.differences import changes_since
from cnnkit.training.fit_data import FitData, build_metrics, fit_data
from cnnkit.training.fit_recipe import IGNORED, fit_recipe, write_fit_recipe
from cnnkit.training.loop import fit_inputs
from cnnkit.training.outcome import continue_from, last_checkpoint, outcome_recorded
from cnnkit.training.recipe import NOT_SEALED
from cnnkit.training.recording import Recording
from cnnkit.training.steps.fit_inputs import ArrayInputs
from cnnkit.user_code.experiment_files import refuse_while_importing


def fit(
    model: keras.Model,
    x=None,
    y=None,
    *,
    validation_data=None,
    validation_split: float = 0.0,
    epochs: int = 1,
    batch_size: int | None = None,
    callbacks=None,
    verbose: str | int = "auto",
    shuffle: bool = True,
    class_weight: dict | None = None,
    sample_weight=None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: int = 1,
    seed: int = 0,
    runs_dir: str | os.PathLike = "runs",
    name: str | None = None,
    resume: Run | str | os.PathLike | None = None,
    allow_changes: bool = False,
    checkpoint_minutes: float | None = 10.0,
    checkpoint_steps: int | None = None,
) -> Run:
    """Train a compiled Keras model as `model.fit` does, and keep a run of it.

    The run folder has what any run has: TensorBoard's logs, checkpoints, metrics.csv, status.json,
    report.html and model.keras, the model as training leaves it, but not compiled. Samples are
    shuffled by `seed` and the epoch, where Keras draws from its global generator; with
    `shuffle=False` history and weights are those of `model.fit`.

    Args:
        model: A compiled model: its own loss, metrics and optimizer are used.
        x: As in `model.fit`: an array or a nest of arrays, samples first; a `tf.data.Dataset`, a
            `keras.utils.PyDataset` or a generator of batches. Or a pandas frame with a column
            `path` of image files and a column `label` (then without `y`): pictures reach the model
            as uint8, 0 to 255, resized to its input shape; labels are numbered in sorted order.
        y: Targets, as in `model.fit`; None where `x` has them.
        validation_data: As in `model.fit`, or a frame like `x`.
        validation_split: The last part of the arrays to validate on, 0 to 1.
        epochs: The number of the last epoch; with `resume` it may be more than before.
        batch_size: Samples a step, for arrays and frames; 32 unless given.
        callbacks: As in `model.fit`. Those with `get_state()` and `set_state(state)` resume with
            their state; of others, plain attributes are restored.
        verbose: As in `model.fit`.
        shuffle: Whether to shuffle samples, or the batches of a PyDataset, in each epoch.
        class_weight: As in `model.fit`.
        sample_weight: As in `model.fit`.
        initial_epoch: As in `model.fit`.
        steps_per_epoch: As in `model.fit`.
        validation_steps: As in `model.fit`.
        validation_batch_size: As in `model.fit`.
        validation_freq: As in `model.fit`: epochs from one validation to the next.
        seed: Gives the order of the samples, at least 0.
        runs_dir: The run is made as runs_dir/MODEL/NAME.
        name: The folder's name; time and four letters unless given.
        resume: A run of this function to go on with, or its folder. Give the same model, compiled
            the same, and the same data: with arrays the run ends with the same bits as if it had
            not been interrupted.
        allow_changes: Whether to resume although model, data, versions or machine have changed.
        checkpoint_minutes: Time from one checkpoint to the next within an epoch; None for none.
            Each epoch ends with one in any case.
        checkpoint_steps: Steps from one checkpoint to the next within an epoch; None for none.

    Returns:
        The run.

    Raises:
        SettingError: The model is not compiled, arrays differ in length, or something has changed
            since the run that is resumed.
        RunFolderError: The run folder cannot be made or written, or there is nothing to resume.
        TrainingError: The loss or a weight is not finite.
        Interrupted: A signal came.
    """
    refuse_while_importing("cnnkit.fit")
    _expect_compiled(model)
    expect_counts(epochs=epochs)
    schedule = CheckpointSchedule(checkpoint_minutes, checkpoint_steps)
    data = fit_data(
        model, x, y, sample_weight=sample_weight, validation_data=validation_data,
        validation_split=validation_split, batch_size=batch_size,
        seed=seed if shuffle else None, steps_per_epoch=steps_per_epoch,
    )  # fmt: skip
    callbacks = keras.tree.flatten(() if callbacks is None else callbacks)
    options = {
        "class_weight": class_weight,
        "steps_per_epoch": steps_per_epoch,
        "validation_steps": validation_steps,
        "validation_batch_size": validation_batch_size or batch_size,
        "validation_freq": validation_freq,
    }
    recipe = fit_recipe(
        model, data, callbacks=callbacks, epochs=epochs, batch_size=batch_size, seed=seed,
        settings={"shuffle": shuffle, "validation_split": validation_split, **options},
    )  # fmt: skip
    if data.inexact:
        warnings.warn(
            f"A run on {data.inexact} cannot be resumed to the same numbers as if it had not been "
            "interrupted: it goes on with whatever batches come then.",
            stacklevel=2,
        )
    run = Run.create(runs_dir, recipe["experiment"], name) if resume is None else _existing(resume)
    recording = Recording(run, (), StopOnSignal(), schedule)
    undo = contextlib.nullcontext() if resume is None else restored_if_refused(run)
    with locked(run.folder), undo:
        if resume is None:
            write_fit_recipe(run, recipe, data)
            for remark in data.remarks:
                print(remark)
            recording.ended = (initial_epoch,) if initial_epoch else ()
        else:
            _resume(recording, recipe, data, callbacks, allow_changes=allow_changes)
        with outcome_recorded(run):
            _train(
                model, data, recording, recipe,
                callbacks=callbacks, epochs=epochs, verbose=verbose, **options,
            )  # fmt: skip
    return run


def _expect_compiled(model) -> None:
    if not isinstance(model, keras.Model):
        raise SettingError(f"cnnkit.fit trains a compiled keras.Model, not {model!r}.")
    if not model.compiled:
        raise SettingError(
            f"The model {model.name!r} is not compiled: call model.compile(optimizer=..., loss=...) "
            "before cnnkit.fit."
        )


def _existing(run: Run | str | os.PathLike) -> Run:
    run = Run(run)
    if not (run.folder / "experiment.json").exists():
        raise RunFolderError(f"There is no run to resume at {run.folder}.")
    if not run.experiment.get("made_by"):
        raise SettingError(
            f"{run.folder} is not a run of cnnkit.fit: resume it with cnnkit.resume, or "
            "`cnnkit resume`."
        )
    return run


def _resume(
    recording: Recording, recipe: dict, data: FitData, callbacks: list, *, allow_changes: bool
) -> None:
    """Bring the run folder back to its last checkpoint, with which the recording goes on."""
    run, recipe_then = recording.run, recording.run.experiment
    start = last_checkpoint(run)
    if run.status["state"] == "finished" and start and start.epoch >= recipe["epochs"]:
        raise RunFolderError(
            f"{run.folder} is finished after {start.epoch} epochs: give more epochs to go on."
        )
    changes = changes_since(run, recipe, data.content_hash, allowed=allow_changes, ignored=IGNORED)
    # The optimizer may have another learning rate by now than the one that it began with.
    recipe = recipe if changes else recipe_then | {"epochs": recipe["epochs"]}
    write_fit_recipe(run, recipe, data)
    continue_from(run, start, changes, callbacks)
    recording.start = start
    recording.ended = tuple(start.state["phases_ended"]) if start else ()


def _with_graph(model: keras.Model) -> keras.Model | None:
    """Return the model if its layers are a graph, as those of a subclass of Model are not."""
    return model if getattr(model, "inputs", None) else None


def _train(
    model: keras.Model, data: FitData, recording: Recording, recipe: dict, *,
    callbacks: list, epochs: int, **options,
) -> None:  # fmt: skip
    run, start, began, succeeded = recording.run, recording.start, time.perf_counter(), False
    names = data.class_names
    log = TensorBoardCallback(run, recipe, _with_graph(model), start is not None, names)
    recording.observers = (log, Record(run, log.learning_rate, names))
    recording.first = (log.learning_rate,)
    run.write_status("running", epoch=start.epoch if start else 0)
    if start is not None:
        build_metrics(model, data)
    named = data.inputs if isinstance(data.inputs, ArrayInputs) else None
    try:
        with recording.stop.listening():
            fit_inputs(
                model,
                data.inputs,
                data.validation,
                callbacks=[StopOnNonFinite(named), *callbacks],
                epochs=epochs,
                recording=recording,
                **options,
            )
            task = SingleLabel.name if data.class_names else None
            content = model_file(model, description_of(run, task))
            atomic.write_bytes(run.folder / "model.keras", content)
            succeeded = True
            run.write_status("finished", seconds=time.perf_counter() - began)
            report.write(run, None, filters=first_filters(model))
    finally:
        log.close(succeeded)
    checksums.write(run.folder, checksums.names_below(run.folder, NOT_SEALED))
    if recording.failure is not None:
        raise recording.failure
