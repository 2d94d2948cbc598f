"""Cross-entropy for unbalanced data: every class counts the same, whatever its number of samples."""

import keras
from keras import ops

from cnnkit.data.dataset import Dataset
from cnnkit.data.sampling import class_weights
from cnnkit.errors import SettingError


def weighted_loss(dataset: Dataset, label_smoothing: float = 0.0) -> "WeightedCrossentropy":
    """Return a loss for an Experiment, with weights computed from the training labels.

    Args:
        dataset: The dataset to train on; it may be multi-label.
        label_smoothing: Part of every label that is spread over all classes, from 0 to 1.

    Returns:
        A WeightedCrossentropy of logits.

    Raises:
        SettingError: `label_smoothing` is out of range, or a class has no training samples.
    """
    weights = class_weights(dataset.train.labels, dataset.num_classes)
    return WeightedCrossentropy(weights.tolist(), label_smoothing)


@keras.saving.register_keras_serializable("cnnkit")
class WeightedCrossentropy(keras.losses.Loss):
    """Computes the cross-entropy of logits, (batch, classes), weighted by class.

    Labels are class indices, (batch,), or probabilities, (batch, classes), as mixing samples gives
    them. Multi-label data have labels of 0 and 1, (batch, classes), and a sigmoid for each class.

    Args:
        weights: A list with a weight for each class; for multi-label data with a pair for each
            class, of the labels 0 and 1. `cnnkit.data.sampling.class_weights` computes them.
        label_smoothing: Part of every label that is spread over all classes before weighting, from
            0 to 1, as in Keras' CategoricalCrossentropy and BinaryCrossentropy.
        name: Name of the loss.
        **options: Options of `keras.losses.Loss`, such as reduction.

    Raises:
        SettingError: `label_smoothing` is out of range.

    >>> loss = WeightedCrossentropy([1.0, 3.0])
    >>> round(float(loss(ops.array([1]), ops.array([[0.0, 0.0]]))), 4)  # 3 * log(2)
    2.0794
    """

    def __init__(self, weights, label_smoothing=0.0, name="weighted_crossentropy", **options):
        super().__init__(name=name, **options)
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
            indices = ops.cast(ops.reshape(y_true, (-1,)), "int32")  # Keras passes them as floats
            y_true = ops.one_hot(indices, weights.shape[0])
        labels = self._smooth(ops.cast(y_true, y_pred.dtype), weights.shape[0])
        return -ops.sum(weights * labels * ops.log_softmax(y_pred), axis=-1)

    def _smooth(self, labels, num_values: int):
        return labels * (1 - self.label_smoothing) + self.label_smoothing / num_values

    def get_config(self):
        """Return the loss's configuration."""
        options = {"weights": self.weights, "label_smoothing": self.label_smoothing}
        return super().get_config() | options
