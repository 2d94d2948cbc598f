"""A trained model as the formats take it: float32, one size of inputs, and names that stay."""

import keras

from cnnkit.deploy.trained_model import TrainedModel
from cnnkit.keras_graph.float32 import copied_in_float32, float32_policy


def exportable(trained: TrainedModel) -> keras.Model:
    """Return a model to export.

    Args:
        trained: The model, in any precision.

    Returns:
        A model from raw inputs, an input named "inputs", to {"probabilities": probabilities}, both
        float32. Every format keeps these names.
    """
    with float32_policy():
        inputs = keras.Input(trained.inputs.shape, name="inputs")
        outputs = copied_in_float32(trained.model)(inputs)
        return keras.Model(inputs, {"probabilities": outputs})
