"""compile, callbacks, `model.fit`: the whole of training."""

from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Split
from cnnkit.experiment import Experiment
from cnnkit.runs import Evaluation, MultiLabelEvaluation, Run
from cnnkit.training.callbacks import KeepBest, Record, StopOnNonFinite
from cnnkit.training.deployment import deployed
from cnnkit.training.explanations import Explain
from cnnkit.training.interruption import StopOnSignal
from cnnkit.training.kept_features import trained_part
from cnnkit.training.step_inputs import made_in_step
from cnnkit.training.tensorboard import TensorBoardLog


@dataclass(frozen=True)
class Fitted:
    """What training leaves: the model as it is saved, and what is known of the chosen epoch."""

    model: keras.Model
    validation: dict  # epoch, accuracy (of several classes: average_precision), loss
    epoch_seconds: list[float]


def fit(
    experiment: Experiment, run: Run, log: TensorBoardLog, stop: StopOnSignal, seed: int
) -> Fitted:
    """Train the experiment's model, record it in the run folder, and end with the best weights.

    Raises TrainingError when loss or weights are no longer finite, Interrupted after a signal.
    """
    part = trained_part(experiment, seed)
    data, model = part.data, part.model
    model.compile(experiment.optimizer, experiment.loss, metrics=list(experiment.metrics))
    record, best = Record(run), KeepBest(run, deployed(experiment))
    batches = {"batch_size": experiment.batch_size, "scale": data.scale}
    if getattr(part.augment, "mixes_labels", False):
        batches["num_classes"] = data.num_classes
    train = Batches(data.train, seed=seed, augment=part.augment, **batches)
    validation = Batches(data.validation, **batches)
    for callback in experiment.callbacks:
        if isinstance(callback, Explain) and callback.folder is None:
            callback.folder = run.folder / "tensorboard" / "explain"
    callbacks = [*experiment.callbacks, StopOnNonFinite(), log, best, record, stop]
    with made_in_step(model, train, validation) as (inputs, validation_inputs):
        model.fit(
            inputs,
            validation_data=validation_inputs,
            epochs=experiment.epochs,
            shuffle=False,  # `train` has its own order; Keras would give its steps in another one
            callbacks=[train.follow(), *callbacks],
        )
    score = "average_precision" if data.multi_label else "accuracy"
    chosen = {name: best.logs.get(f"val_{name}") for name in (score, "loss")}
    return Fitted(best.deployed, {"epoch": best.epoch} | chosen, record.epoch_seconds)


def evaluate(
    model: keras.Model, split: Split, class_names: tuple[str, ...], stop: StopOnSignal
) -> Evaluation | MultiLabelEvaluation:
    """Return what the predictions of a model from raw inputs to probabilities are worth."""
    batches = Batches(split, batch_size=256)
    probabilities = model.predict(batches, verbose=0, callbacks=[stop])
    kind = MultiLabelEvaluation if split.multi_label else Evaluation
    return kind(split.labels, np.asarray(probabilities, np.float64), class_names)
