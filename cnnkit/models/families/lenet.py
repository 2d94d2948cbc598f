"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998), https://doi.org/10.1109/5.726791."""

import keras

from cnnkit.models.families import blocks
from cnnkit.models.weights import loaded

POOLING = {"average": keras.layers.AveragePooling2D, "max": keras.layers.MaxPooling2D}


def lenet5(
    image_shape: tuple[int, ...],
    num_classes: int,
    *,
    padding: str | None = None,
    activation: str = "tanh",
    pool: str = "average",
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
) -> keras.Model:
    """LeNet-5 as it is taught today: Figure 2 of the paper with three simplifications.

    C3 reads all six maps instead of Table I's choice, subsampling has no weights, and the output
    is a dense layer instead of radial basis functions.

    image_shape: (height, width, channels). Input floats in [0, 1].
    num_classes: how many logits it gives.
    padding: of C1. The paper sets 28 x 28 digits into 32 x 32, so None means "same" below a
        height of 32 and "valid" from there on.
    activation: of every layer but the last; pool: "average" (the paper) or "max".
    include_top, pooling: False leaves out the dense layers, and `pooling` ("avg", "max") then makes
        one number a map.
    classifier_activation: "softmax" for probabilities, None for logits.
    weights: a file of weights of `save_weights`, or None.

    Raises SettingError for an image too small for it, and for an unknown choice.

    >>> lenet5((28, 28, 1), 10).count_params()
    61706
    """
    blocks.require_image("lenet5", image_shape)
    blocks.require_top(include_top, pooling, classifier_activation)
    blocks.require_choice("pool", pool, tuple(POOLING))
    padding = padding or ("valid" if (image_shape[0] or 0) >= 32 else "same")
    blocks.require_choice("padding", padding, ("same", "valid"))
    border = 4 if padding == "valid" else 0
    blocks.require_size("lenet5", image_shape, lambda size: ((size - border) // 2 - 4) // 2)
    subsampling = POOLING[pool]

    image = keras.Input(image_shape, name="image")
    maps = keras.layers.Conv2D(6, 5, padding=padding, activation=activation, name="C1")(image)
    maps = subsampling(2, name="S2")(maps)
    maps = keras.layers.Conv2D(16, 5, activation=activation, name="C3")(maps)
    maps = subsampling(2, name="S4")(maps)
    if include_top:
        units = blocks.flattened(maps, image_shape, "lenet5")
        units = keras.layers.Dense(120, activation=activation, name="C5")(units)
        units = keras.layers.Dense(84, activation=activation, name="F6")(units)
        outputs = blocks.classifier(units, num_classes, classifier_activation)
    else:
        outputs = blocks.without_top(maps, pooling)
    return loaded(keras.Model(image, outputs, name="lenet5"), weights, include_top)
