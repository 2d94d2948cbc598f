"""What is attributed: the score of one class for each image."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.explain.inputs import as_batch
from cnnkit.explain.outputs import class_indices, giving_logits, one_column_a_class, probabilities

PREDICTED = -1  # in place of a class: the one with the highest logit


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
    probabilities: np.ndarray | None

    @classmethod
    def of(cls, model, images, classes, batch_size) -> "Target":
        """Return the target of images: the predicted class where none is given."""
        batch, single = as_batch(model, images)
        predicted = probabilities(model, batch, batch_size)
        chosen = class_indices(classes, predicted, model)
        return cls(batch, chosen, single, predicted[np.arange(len(batch)), chosen])

    @classmethod
    def of_one_pass(cls, model, images, classes, batch_size) -> "Target":
        """Do the same, but leave the predicted class to `class_scores`, which saves a pass.

        For methods that look at unchanged images alone; `probabilities` is None then.
        """
        if classes is not None:
            return cls.of(model, images, classes, batch_size)
        batch, single = as_batch(model, images)
        return cls(batch, np.full(len(batch), PREDICTED), single, None)

    def shaped(self, maps: np.ndarray) -> np.ndarray:
        """Return maps float32, without the axis of samples for a single image."""
        maps = np.asarray(maps, "float32")
        return maps[0] if self.single else maps


def class_scores(model: keras.Model, batch, classes):
    """Return the logit of each image's class, (samples,), as a tensor.

    classes: (samples,) integers, PREDICTED for that of the highest logit.
    """
    with giving_logits(model):
        logits = one_column_a_class(model(batch, training=False))
    predicted = ops.cast(ops.argmax(logits, axis=-1), classes.dtype)
    classes = ops.where(classes == PREDICTED, predicted, classes)
    return ops.sum(logits * ops.one_hot(classes, logits.shape[-1], dtype=logits.dtype), axis=-1)
