"""What a loss expects of its labels, however `compile` is given the loss; Keras is the judge."""

import keras
import numpy as np
import pytest

from cnnkit.losses import expects_one_hot

LABELS = np.array([2, 0])
PREDICTED = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]], np.float32)
LOSSES = [
    "categorical_crossentropy",
    "sparse_categorical_crossentropy",
    "categorical_hinge",
    keras.losses.categorical_focal_crossentropy,
    keras.losses.sparse_categorical_crossentropy,
    keras.losses.CategoricalCrossentropy(),
    keras.losses.CategoricalGeneralizedCrossEntropy(),
    keras.losses.SparseCategoricalCrossentropy(),
]


@pytest.mark.parametrize(
    "loss", LOSSES, ids=lambda loss: getattr(loss, "name", getattr(loss, "__name__", str(loss)))
)
def test_keras_computes_the_loss_of_the_labels_that_it_is_said_to_expect(loss):
    one_hot = expects_one_hot(loss)
    right = np.eye(3, dtype=np.float32)[LABELS] if one_hot else LABELS
    model = keras.Sequential([keras.Input((3,)), keras.layers.Identity()])
    model.compile(loss=loss)
    likely = model.evaluate(PREDICTED, right, verbose=0)
    unlikely = model.evaluate(PREDICTED[:, ::-1], right, verbose=0)
    assert 0 <= likely < unlikely
