"""Trains what follows a frozen backbone on its features, which are computed once."""

import dataclasses
from collections.abc import Callable

import keras

from cnnkit.experiment.experiment import Experiment
from cnnkit.keras_graph.splitting import split_frozen
from cnnkit.transfer.extraction import AugmentedViews, dataset_features

# Callbacks that look at numbers alone; any other may want the whole model.
ABOUT_NUMBERS = (
    keras.callbacks.EarlyStopping,
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.LearningRateScheduler,
    keras.callbacks.CSVLogger,
    keras.callbacks.TerminateOnNaN,
    keras.callbacks.SwapEMAWeights,
)


def without_frozen_part(
    experiment: Experiment, seed: int, check: Callable[[], None] = lambda: None
) -> Experiment:
    """Return what to train of an experiment: all of it, or what follows its frozen layers.

    If the model begins with frozen layers, their outputs are computed once, and the rest of the model,
    which shares its weights, is trained on them. This needs images that do not change at random, or
    `cached_views`, which says how many changes of each image are enough. With a teacher, an image size
    or callbacks that may read the whole model, the experiment is returned as it is.

    Args:
        experiment: What to train.
        seed: Of the views' random changes.
        check: Called before each batch of features; what it raises ends the work.

    Returns:
        The experiment, or another one whose data are features and whose model is the rest.
    """
    plain = all(isinstance(callback, ABOUT_NUMBERS) for callback in experiment.callbacks)
    plain = plain and experiment.network is experiment.model  # a teacher looks at images, too
    changing = experiment.augment is not None and not experiment.cached_views
    changing = changing or experiment.image_size is not None
    parts = split_frozen(experiment.model) if plain and not changing else None
    if parts is None:
        return experiment
    frozen, rest = parts
    views = AugmentedViews(experiment.augment, experiment.cached_views or 1, seed)
    stored = _from_stored(frozen, experiment)
    # The test split is seen once, at the end, by the whole model as it is saved.
    data = dataset_features(
        stored, experiment.data, views=views, skip_splits=("test",), check=check
    )
    return dataclasses.replace(experiment, data=data, model=rest, augment=None, cached_views=0)


def _from_stored(frozen: keras.Model, experiment: Experiment) -> keras.Model:
    """Return the frozen part behind the scaling that `Batches` does."""
    if experiment.input_scale == 1:
        return frozen
    stored = keras.Input(experiment.data.image_shape, name="stored")
    scaled = keras.layers.Rescaling(experiment.input_scale, name="scale")(stored)
    return keras.Model(stored, frozen(scaled), name=frozen.name)
