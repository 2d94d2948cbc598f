"""What an attribution explains: one class's score for each image."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.explain.inputs import as_batch
from cnnkit.explain.outputs import (
    class_indices,
    expand_binary_logits,
    output_logits,
    predict_probabilities,
)
from cnnkit.keras_graph.arrays import in_float32

PREDICTED = -1  # stands for the class with the largest logit


@dataclass(frozen=True)
class Target:
    """Images with the class to explain for each.

    Attributes:
        batch: What the model takes, `(samples, ...)`, float32.
        classes: `(samples,)`, int64.
        is_single: Whether the caller gave one image without a batch axis.
        probabilities: The model's probability of each image's class, `(samples,)`. None if the target
            was created lazily.
    """

    batch: np.ndarray
    classes: np.ndarray
    is_single: bool
    probabilities: np.ndarray | None

    @classmethod
    def create(cls, model, images, classes, batch_size) -> "Target":
        """Predict the images, and take the predicted class where `classes` is None.

        Args:
            model: A Keras classifier.
            images: One image or a batch, as the model takes them.
            classes: Class indices, one for all images or one for each; None for the predicted classes.
            batch_size: Images in one forward pass.

        Raises:
            SettingError: The images or classes do not fit the model.
        """
        batch, is_single = as_batch(model, images)
        predicted = predict_probabilities(model, batch, batch_size)
        chosen = class_indices(classes, predicted, model)
        return cls(batch, chosen, is_single, predicted[np.arange(len(batch)), chosen])

    @classmethod
    def create_lazily(cls, model, images, classes, batch_size) -> "Target":
        """Do the same without a forward pass: the predicted class is left to `class_scores`.

        For methods that look at unchanged images only; `probabilities` may be None.

        Args:
            model: A Keras classifier.
            images: One image or a batch, as the model takes them.
            classes: Class indices, one for all images or one for each; None for the predicted classes.
            batch_size: Images in one forward pass.

        Raises:
            SettingError: The images or classes do not fit the model.
        """
        batch, is_single = as_batch(model, images)
        if classes is None:
            return cls(batch, np.full(len(batch), PREDICTED), is_single, None)
        shape = getattr(model, "output_shape", None)
        if not isinstance(shape, tuple) or len(shape) != 2 or not isinstance(shape[1], int):
            return cls.create(model, images, classes, batch_size)
        scores = np.empty((len(batch), max(2, shape[1])))  # a single output stands for two classes
        return cls(batch, class_indices(classes, scores, model), is_single, None)

    def restore_shape(self, maps: np.ndarray) -> np.ndarray:
        """Return maps as float32, without the batch axis for a single image.

        Args:
            maps: `(samples, ...)`.
        """
        maps = np.asarray(maps, "float32")
        return maps[0] if self.is_single else maps


def places_of(batch) -> tuple[int, ...]:
    """Return the places of a batch: the size of its images, or the steps of its sequences.

    Args:
        batch: What a model takes, an array or a tensor: `(samples, *places, channels)`, or
            `(samples, steps)` as of texts and waveforms.

    Returns:
        `(height, width)` or `(steps,)`.
    """
    steps, *others = batch.shape[1:]
    return (steps, *others[:-1])


def class_scores(model: keras.Model, batch, classes):
    """Return the logit of each image's class.

    Args:
        model: A Keras classifier.
        batch: Images, a tensor with a batch axis.
        classes: `(samples,)` integers; PREDICTED stands for the class with the largest logit.

    Returns:
        A tensor `(samples,)`.
    """
    with output_logits(model):
        logits = in_float32(expand_binary_logits(model(batch, training=False)))
    predicted = ops.cast(ops.argmax(logits, axis=-1), classes.dtype)
    classes = ops.where(classes == PREDICTED, predicted, classes)
    return ops.sum(logits * ops.one_hot(classes, logits.shape[-1], dtype=logits.dtype), axis=-1)
