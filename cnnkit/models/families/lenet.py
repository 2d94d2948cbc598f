"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998), https://doi.org/10.1109/5.726791, as taught today."""

import keras

from cnnkit.models.families import checks
from cnnkit.models.families.top import Top, flattened

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
    """Build LeNet-5 as it is taught today: Figure 2 of the paper with three simplifications.

    C3 reads all six maps instead of Table I's choice, subsampling has no weights, and the output
    is a dense layer instead of radial basis functions. `lenet5_1998` has none of them.

    Args:
        image_shape: (height, width, channels). Inputs are floats in [0, 1].
        num_classes: Number of logits, at least 1.
        padding: Padding of C1. The paper sets 28 x 28 digits into 32 x 32, so None means "same"
            below a height of 32 and "valid" from there on.
        activation: Activation of every layer but the last.
        pool: "average", as in the paper, or "max".
        include_top: Whether to include the dense layers.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: Path of a weights file, or None for random weights.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: The image is too small, or an option has an unknown value.

    >>> lenet5((28, 28, 1), 10).count_params()
    61706
    """
    checks.require_image("lenet5", image_shape)
    top = Top(num_classes, include_top, pooling, classifier_activation, weights)
    checks.require_choice("pool", pool, tuple(POOLING))
    padding = padding or ("valid" if (image_shape[0] or 0) >= 32 else "same")
    checks.require_choice("padding", padding, ("same", "valid"))
    border = 4 if padding == "valid" else 0
    checks.require_size("lenet5", image_shape, lambda size: ((size - border) // 2 - 4) // 2)
    subsampling = POOLING[pool]

    image = keras.Input(image_shape, name="image")
    maps = keras.layers.Conv2D(6, 5, padding=padding, activation=activation, name="C1")(image)
    maps = subsampling(2, name="S2")(maps)
    maps = keras.layers.Conv2D(16, 5, activation=activation, name="C3")(maps)
    maps = subsampling(2, name="S4")(maps)

    def head(maps):
        units = flattened(maps, image_shape, "lenet5")
        units = keras.layers.Dense(120, activation=activation, name="C5")(units)
        return keras.layers.Dense(84, activation=activation, name="F6")(units)

    return top.finish("lenet5", image, maps, head)
