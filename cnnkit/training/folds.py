"""Out-of-fold predictions: what networks say of training samples that they never saw."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from cnnkit.callbacks.explain import Explain
from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Split
from cnnkit.errors import SettingError
from cnnkit.experiment import phases
from cnnkit.experiment.experiment import Experiment
from cnnkit.explain.batches import in_compiled_batches
from cnnkit.keras_graph.fused_normalization import fused_batch_normalization
from cnnkit.random_streams import Purpose, random_generator
from cnnkit.training.deployment import deployed
from cnnkit.training.steps.frozen_features import trained_part
from cnnkit.training.steps.inputs import made_in_step
from cnnkit.training.steps.multi_step import length_for


def out_of_fold(make: Callable[[], Experiment], folds: int = 5, seed: int = 0) -> np.ndarray:
    """Train anew on all folds but one, for each, and return what is said of the one left out.

    make: returns the experiment afresh, the same at every call. folds: from 2 to the number of
    training samples. Gives probabilities, shape (training samples, classes), in the order of
    `data.train`, by the weights after the last epoch of all phases. Takes about `folds` times as long
    as a run; keeps all of the training inputs in memory. Raises SettingError for labels of several
    classes.

    Copies of one image in several folds are seen after all.
    """
    answers = None
    for fold in range(folds):
        keras.utils.set_random_seed(seed)
        experiment = make()
        train = experiment.data.train
        places = folds_of(train.labels, folds, seed)
        if answers is None:
            answers = np.empty((len(train), experiment.data.num_classes))
        held = np.flatnonzero(places == fold)
        _train(experiment, np.flatnonzero(places != fold), seed)
        answers[held] = _predict(deployed(experiment), train.inputs[held])
    return answers


def folds_of(labels: np.ndarray, folds: int, seed: int = 0) -> np.ndarray:
    """Return the fold of each sample, from 0, shape (samples,), each class shared out evenly."""
    if labels.ndim != 1:
        raise SettingError("Folds are made of samples with one class each, not with several.")
    if not 2 <= folds <= len(labels):
        raise SettingError(
            f"There are from 2 to {len(labels)} folds of these samples, not {folds}."
        )
    order = random_generator(seed, Purpose.FOLDS, folds).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    places = np.empty(len(labels), np.int64)
    places[order] = np.arange(len(labels)) % folds
    return places


def _predict(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    # `model.predict` of one model after another makes TensorFlow warn of retracing.
    def answer(batch):
        return model(keras.ops.cast(batch, "float32"), training=False)

    return in_compiled_batches(answer, 256, inputs)


def _train(experiment: Experiment, chosen: np.ndarray, seed: int) -> None:
    """Train through all phases, on these of the training samples."""
    train = experiment.data.train
    rest = Split(train.inputs[chosen], train.labels[chosen])
    data, ended = dataclasses.replace(experiment.data, train=rest), 0
    for phase, _ in phases.begun(dataclasses.replace(experiment, data=data)):
        ended = _fit(phase, trained_part(phase, seed), seed, ended)


def _fit(phase: Experiment, part: Experiment, seed: int, first: int) -> int:
    """Train one phase's part from this epoch on, and return the epoch after its last."""
    model = part.model
    model.compile(phase.optimizer, phase.loss, metrics=list(phase.metrics))
    train = Batches(part.data.train, seed=seed, **part.train_batch_options)
    validation = Batches(part.data.validation, **part.batch_options)
    # Explain draws into a run's folder, and here is no run.
    own = [each for each in phase.callbacks if not isinstance(each, Explain)]
    with (
        fused_batch_normalization(model),
        made_in_step(model, train, validation, length_for(own)) as (inputs, validation),
    ):
        history = model.fit(
            inputs, validation_data=validation, epochs=first + phase.epochs, initial_epoch=first,
            shuffle=False, verbose=0, callbacks=[train.follow(), *own],
        )  # fmt: skip
    return history.epoch[-1] + 1
