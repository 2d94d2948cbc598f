"""What is attributed: the score of one class for each image."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.explain.inputs import as_batch
from cnnkit.explain.outputs import class_indices, giving_logits, one_column_a_class, probabilities


@dataclass(frozen=True)
class Target:
    """Images with the class that each is asked about.

    batch: (samples, ...) float32. classes: (samples,) int64. single: whether it was one image
    without an axis of samples, so that the answer has none either. probabilities: what the model
    gives the classes of the unchanged images, (samples,).
    """

    batch: np.ndarray
    classes: np.ndarray
    single: bool
    probabilities: np.ndarray

    @classmethod
    def of(cls, model, images, classes, batch_size) -> "Target":
        """Return the target of images: the predicted class where none is given."""
        batch, single = as_batch(model, images)
        predicted = probabilities(model, batch, batch_size)
        chosen = class_indices(classes, predicted, model)
        return cls(batch, chosen, single, predicted[np.arange(len(batch)), chosen])

    def shaped(self, maps: np.ndarray) -> np.ndarray:
        """Return maps float32, without the axis of samples for a single image."""
        maps = np.asarray(maps, "float32")
        return maps[0] if self.single else maps


def class_scores(model: keras.Model, batch, classes):
    """Return the logit of each image's class, (samples,), as a tensor."""
    with giving_logits(model):
        logits = one_column_a_class(model(batch, training=False))
    return ops.sum(logits * ops.one_hot(classes, logits.shape[-1], dtype=logits.dtype), axis=-1)
