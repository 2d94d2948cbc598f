"""AlexNet: as published in 2012, with two groups, and its one-column form of 2014.

A. Krizhevsky, I. Sutskever, G. Hinton, NeurIPS 2012; A. Krizhevsky, https://arxiv.org/abs/1404.5997.
"""

import keras

from cnnkit.models.families import checks
from cnnkit.models.families.layers import GroupedConv2D, LocalResponseNormalization
from cnnkit.models.families.top import Top, flattened


def alexnet(
    image_shape: tuple[int, ...],
    num_classes: int,
    *,
    hidden_units: tuple[int, ...] = (4096, 4096),
    dropout: float = 0.5,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
) -> keras.Model:
    """Build AlexNet in one column: the network of 2014 (section 5), without response normalisation.

    Args:
        image_shape: (height, width, channels), published for 224 x 224. Inputs are floats in [0, 1].
        num_classes: Number of logits, at least 1.
        hidden_units: Size of each dense layer before the logits.
        dropout: Part of the units that dropout sets to zero before each of them; 0 for no dropout.
        include_top: Whether to include the dense layers.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: Path of a weights file, or None for random weights.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: The image is too small.

    >>> alexnet((224, 224, 3), 1000, include_top=False).count_params()
    2469696
    """
    return _build(
        "alexnet",
        image_shape,
        Top(num_classes, include_top, pooling, classifier_activation, weights),
        widths=(64, 192, 384, 256, 256),
        padding=2,
        groups=1,
        response_normalization=False,
        hidden_units=hidden_units,
        dropout=dropout,
    )


def alexnet_2012(
    image_shape: tuple[int, ...],
    num_classes: int,
    *,
    hidden_units: tuple[int, ...] = (4096, 4096),
    dropout: float = 0.5,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
) -> keras.Model:
    """Build AlexNet as published (Figure 2): conv2, conv4 and conv5 in two groups, with LRN.

    The paper says 224 x 224, but its numbers need 227 x 227 (55 = (227 - 11) / 4 + 1). The paper
    spreads the network over two graphics cards; here response normalisation sees the maps of both.

    Args:
        image_shape: (height, width, channels). Inputs are floats in [0, 1].
        num_classes: Number of logits, at least 1.
        hidden_units: Size of each dense layer before the logits.
        dropout: Part of the units that dropout sets to zero before each of them; 0 for no dropout.
        include_top: Whether to include the dense layers.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: Path of a weights file, or None for random weights.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: The image is too small.

    >>> alexnet_2012((227, 227, 3), 1000, include_top=False).count_params()
    2334080
    """
    return _build(
        "alexnet_2012",
        image_shape,
        Top(num_classes, include_top, pooling, classifier_activation, weights),
        widths=(96, 256, 384, 384, 256),
        padding=0,
        groups=2,
        response_normalization=True,
        hidden_units=hidden_units,
        dropout=dropout,
    )


def _build(
    name, image_shape, top, *, widths, padding, groups, response_normalization, hidden_units, dropout
) -> keras.Model:  # fmt: skip
    """Build either form of the network."""
    checks.require_image(name, image_shape)

    def size_after(size: int) -> int:
        size = checks.output_size(size, 11, 4, padding)
        for _ in range(3):
            size = checks.output_size(size, 3, 2, "valid")
        return size

    checks.require_size(name, image_shape, size_after)
    image = keras.Input(image_shape, name="image")
    maps = image
    if padding:
        maps = keras.layers.ZeroPadding2D(padding, name="conv1_pad")(maps)
    maps = keras.layers.Conv2D(widths[0], 11, strides=4, activation="relu", name="conv1")(maps)
    for index, width in enumerate(widths[1:], start=2):
        if index <= 3:
            maps = _pool(maps, index - 1, response_normalization)
        layer_groups = 1 if index == 3 else groups  # conv3 reads the maps of both groups
        convolution = GroupedConv2D if layer_groups > 1 else keras.layers.Conv2D
        maps = convolution(
            width, 5 if index == 2 else 3, padding="same", groups=layer_groups, activation="relu",
            name=f"conv{index}",
        )(maps)  # fmt: skip
    maps = keras.layers.MaxPooling2D(3, strides=2, name="pool5")(maps)

    def head(maps):
        units = flattened(maps, image_shape, name)
        for index, size in enumerate(hidden_units, start=6):
            if dropout:
                units = keras.layers.Dropout(dropout, name=f"dropout{index}")(units)
            units = keras.layers.Dense(size, activation="relu", name=f"fc{index}")(units)
        return units

    return top.finish(name, image, maps, head)


def _pool(maps, index: int, response_normalization: bool):
    if response_normalization:
        maps = LocalResponseNormalization(name=f"norm{index}")(maps)
    return keras.layers.MaxPooling2D(3, strides=2, name=f"pool{index}")(maps)
