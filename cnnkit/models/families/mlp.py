"""The fully connected network that every article compares a convolutional one with."""

import math

import keras

from cnnkit.errors import SettingError
from cnnkit.models.families import blocks
from cnnkit.models.weights import loaded


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
    """A network of dense layers, which sees an image as a list of unrelated numbers.

    image_shape: any whole shape. Input floats in [0, 1].
    num_classes: how many logits it gives.
    hidden_units: of each hidden layer.
    parameters: a budget instead: one hidden layer, as wide as fits into that many weights, so that
        a convolutional network can be compared with a dense one of its own size.
    activation, dropout: of each hidden layer; dropout 0 for none.
    include_top: False leaves out the last layer, the logits.
    classifier_activation: "softmax" for probabilities, None for logits.
    weights: a file of weights of `save_weights`, or None.

    Raises SettingError for a shape that is not whole, or a budget too small for one hidden unit.

    >>> mlp((28, 28, 1), 10, parameters=61_706).count_params()
    61225
    """
    blocks.require_top(include_top, None, classifier_activation)
    if None in image_shape:
        raise SettingError(f"mlp needs a whole image shape, not {tuple(image_shape)}.")
    if parameters is not None:
        a_unit = math.prod(image_shape) + 1 + num_classes
        if parameters < a_unit + num_classes:
            raise SettingError(
                f"parameters={parameters} is too small a budget for {tuple(image_shape)} inputs: "
                f"one hidden unit takes {a_unit + num_classes}."
            )
        hidden_units = ((parameters - num_classes) // a_unit,)
    image = keras.Input(image_shape, name="image")
    units = blocks.flattened(image, image_shape, "mlp")
    units = blocks.hidden_layers(units, hidden_units, activation, dropout, "hidden")
    if include_top:
        units = blocks.classifier(units, num_classes, classifier_activation)
    return loaded(keras.Model(image, units, name="mlp"), weights, include_top)
