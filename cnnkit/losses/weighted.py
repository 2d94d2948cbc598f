"""Cross-entropy in which every class counts the same, whatever its number of samples."""

import keras
from keras import ops

from cnnkit.data.dataset import Dataset
from cnnkit.data.sampling import class_weights
from cnnkit.errors import SettingError


def weighted_loss(dataset: Dataset, label_smoothing: float = 0.0) -> "WeightedCrossentropy":
    """Return the loss for an Experiment, with weights from the training labels."""
    weights = class_weights(dataset.train.labels, dataset.num_classes)
    return WeightedCrossentropy(weights.tolist(), label_smoothing)


@keras.saving.register_keras_serializable("cnnkit")
class WeightedCrossentropy(keras.losses.Loss):
    """Cross-entropy of logits, (batch, classes), weighted by class as `class_weights` returns it.

    With a weight a class, labels are class indices or a number a class (which mixing gives); with
    two a class, labels are 0 and 1 a class, each of which has a sigmoid of its own.

    label_smoothing: from 0 to 1, the part of every label that is shared out evenly before classes
        are weighed, as in Keras' CategoricalCrossentropy and BinaryCrossentropy.
    """

    def __init__(self, weights, label_smoothing=0.0, name="weighted_crossentropy", **kwargs):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_smoothing <= 1:
            raise SettingError(f"label_smoothing is from 0 to 1, not {label_smoothing}.")
        self.weights, self.label_smoothing, self.from_logits = weights, label_smoothing, True

    def call(self, y_true, y_pred):
        """Return the loss of each sample, shape (batch,)."""
        weights = ops.convert_to_tensor(self.weights, y_pred.dtype)
        if len(weights.shape) == 2:
            labels = self._smooth(ops.cast(y_true, y_pred.dtype), 2)
            # softplus(-x) = -log sigmoid(x), and softplus(x) = -log (1 - sigmoid(x))
            ones = weights[:, 1] * labels * ops.softplus(-y_pred)
            zeros = weights[:, 0] * (1 - labels) * ops.softplus(y_pred)
            return ops.mean(ones + zeros, axis=-1)
        if len(y_true.shape) == 1 or y_true.shape[-1] == 1:
            indices = ops.cast(ops.reshape(y_true, (-1,)), "int32")  # Keras gives them as floats
            y_true = ops.one_hot(indices, weights.shape[0])
        labels = self._smooth(ops.cast(y_true, y_pred.dtype), weights.shape[0])
        return -ops.sum(weights * labels * ops.log_softmax(y_pred), axis=-1)

    def _smooth(self, labels, answers: int):
        return labels * (1 - self.label_smoothing) + self.label_smoothing / answers

    def get_config(self):
        """Return what rebuilds the loss."""
        own = {"weights": self.weights, "label_smoothing": self.label_smoothing}
        return super().get_config() | own
