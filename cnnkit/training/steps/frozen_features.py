"""A frozen backbone's features in a run: computed once, and only what is left trained on them."""

import dataclasses

import keras

from cnnkit.data.dataset import Dataset
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


def trained_part(experiment: Experiment, seed: int) -> Experiment:
    """Return what `fit` trains: the experiment, or what is left of it behind a frozen beginning.

    Where the model begins with frozen layers, and nothing changes the images at random, or
    `cached_views` says how many changes of each are enough, that is the rest of the model, which
    shares its weights, on features of the frozen part. With callbacks that may want the whole model,
    with a teacher and with an image size it is the experiment as it is.
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
    stored = _from_stored(frozen, experiment.data)
    # The test split is seen once, at the end, by the whole model as it is saved.
    data = dataset_features(stored, experiment.data, views=views, skip_splits=("test",))
    return dataclasses.replace(experiment, data=data, model=rest, augment=None, cached_views=0)


def _from_stored(frozen: keras.Model, data: Dataset) -> keras.Model:
    """Return the frozen part behind the scaling that `Batches` does."""
    stored = keras.Input(data.image_shape, name="stored")
    scaled = keras.layers.Rescaling(data.scale, name="scale")(stored)
    return keras.Model(stored, frozen(scaled), name=frozen.name)
