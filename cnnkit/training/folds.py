"""Out-of-fold predictions: each training sample predicted by a network that never saw it."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np

from cnnkit.data.dataset import Split
from cnnkit.errors import SettingError
from cnnkit.experiment import phases
from cnnkit.experiment.experiment import Experiment
from cnnkit.explain.batches import in_compiled_batches
from cnnkit.random_streams import Purpose, random_generator
from cnnkit.training.deployment import deployable_model
from cnnkit.training.loop import fit_part
from cnnkit.training.steps.frozen_features import without_frozen_part
from cnnkit.user_code.experiment_files import refuse_while_importing


def out_of_fold(make: Callable[[], Experiment], folds: int = 5, seed: int = 0) -> np.ndarray:
    """Predict each training sample with a network that was not trained on it.

    For each fold, a new network is trained on all other folds, through all phases; its weights after
    the last epoch predict the fold. It takes about `folds` times as long as a run, and keeps all
    training inputs in memory. Copies of one image may end in different folds.

    Args:
        make: Returns the experiment, the same at every call.
        folds: From 2 to the number of training samples.
        seed: Gives the folds, the initial weights and the order of samples.

    Returns:
        Probabilities of shape (training samples, classes), float64, in the order of `data.train`.

    Raises:
        SettingError: Samples may have several classes, the number of folds is out of range, or a
            script calls this while it is imported.
        TrainingError: Loss or weights are not finite.
    """
    refuse_while_importing("cnnkit.training.out_of_fold")
    answers = np.empty((0, 0))
    for fold in range(folds):
        keras.utils.set_random_seed(seed)
        experiment = make()
        train = experiment.data.train
        fold_of = fold_numbers(train.labels, folds, seed)
        if fold == 0:
            answers = np.empty((len(train), experiment.data.num_classes))
        held = np.flatnonzero(fold_of == fold)
        _train(experiment, np.flatnonzero(fold_of != fold), seed)
        answers[held] = _predict(deployable_model(experiment), train.inputs[held])
    return answers


def fold_numbers(labels: np.ndarray, folds: int, seed: int = 0) -> np.ndarray:
    """Return the fold of each sample, with each class shared out evenly.

    Args:
        labels: Class indices, shape (samples,).
        folds: From 2 to the number of samples.
        seed: Draws the folds.

    Returns:
        Numbers from 0 to `folds - 1`, shape (samples,), int64.

    Raises:
        SettingError: Labels have several classes a sample, or `folds` is out of range.
    """
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
    data = dataclasses.replace(experiment.data, train=rest)
    experiment = dataclasses.replace(experiment, data=data)
    epoch = 0
    for phase, _ in phases.begin_each(experiment):
        part = without_frozen_part(phase, seed)
        history = fit_part(phase, part, seed=seed, first_epoch=epoch, verbose=0)
        epoch = history.epoch[-1] + 1
