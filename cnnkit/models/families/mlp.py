"""The fully connected network, to compare convolutional ones with."""

import math

import keras

from cnnkit.errors import SettingError
from cnnkit.models.families.top import Top, flattened, hidden_layers


def mlp(
    image_shape: tuple[int, ...],
    num_classes: int,
    *,
    hidden_units: tuple[int, ...] = (128,),
    parameters: int | None = None,
    activation: str = "relu",
    dropout: float = 0.0,
    include_top: bool = True,
    classifier_activation: str | None = None,
    weights: str | None = None,
) -> keras.Model:
    """Build a network of dense layers, which sees an image as a list of unrelated numbers.

    Args:
        image_shape: Any shape without None. Inputs are floats in [0, 1].
        num_classes: Number of logits, at least 1.
        hidden_units: Size of each hidden layer.
        parameters: Number of weights to stay below, instead of `hidden_units`: the network gets one
            hidden layer, as wide as fits. So a convolutional network can be compared with a dense
            one of its own size.
        activation: Activation of each hidden layer.
        dropout: Part of the units that dropout sets to zero after each hidden layer; 0 for none.
        include_top: Whether to include the last layer, the logits.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: Path of a weights file, or None for random weights.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: The image shape has a None, or `parameters` is too small for one hidden unit.

    >>> mlp((28, 28, 1), 10, parameters=61_706).count_params()
    61225
    """
    top = Top(num_classes, include_top, None, classifier_activation, weights)
    if None in image_shape:
        raise SettingError(f"mlp needs a whole image shape, not {tuple(image_shape)}.")
    if parameters is not None:
        per_unit = math.prod(image_shape) + 1 + num_classes
        if parameters < per_unit + num_classes:
            raise SettingError(
                f"parameters={parameters} is too small a budget for {tuple(image_shape)} inputs: "
                f"one hidden unit takes {per_unit + num_classes}."
            )
        hidden_units = ((parameters - num_classes) // per_unit,)
    image = keras.Input(image_shape, name="image")
    units = flattened(image, image_shape, "mlp")
    units = hidden_layers(units, hidden_units, activation, dropout, "hidden")
    return top.finish("mlp", image, units, head=lambda units: units)
