"""AlexNet: as published in 2012, with two groups, and its one-column form of 2014.

A. Krizhevsky, I. Sutskever, G. Hinton, NeurIPS 2012; A. Krizhevsky, https://arxiv.org/abs/1404.5997.
"""

import keras

from cnnkit.models.families import blocks
from cnnkit.models.families.layers import GroupedConv2D, LocalResponseNormalization
from cnnkit.models.weights import loaded


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
    """AlexNet in one column: the network of 2014 (section 5), without response normalisation.

    image_shape: (height, width, channels), published for 224 x 224. Input floats in [0, 1].
    num_classes: how many logits it gives.
    hidden_units, dropout: of the dense layers; dropout comes before each of them, 0 for none.
    include_top, pooling: False leaves out the dense layers, and `pooling` ("avg", "max") then makes
        one number a map.
    classifier_activation: "softmax" for probabilities, None for logits.
    weights: a file of weights of `save_weights`, or None.

    Raises SettingError for an image too small for it.

    >>> alexnet((224, 224, 3), 1000, include_top=False).count_params()
    2469696
    """
    return _assemble(
        "alexnet", image_shape, num_classes, widths=(64, 192, 384, 256, 256), padding=2, groups=1,
        normalized=False, hidden_units=hidden_units, dropout=dropout, include_top=include_top,
        pooling=pooling, classifier_activation=classifier_activation, weights=weights,
    )  # fmt: skip


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
    """AlexNet as published (Figure 2): conv2, conv4 and conv5 in two groups, response normalised.

    The paper says 224 x 224, but its numbers want 227 x 227 (55 = (227 - 11) / 4 + 1).
    The paper's two graphics cards are one here: response normalisation sees the maps of both.

    image_shape: (height, width, channels). Input floats in [0, 1].
    num_classes: how many logits it gives.
    hidden_units, dropout: of the dense layers; dropout comes before each of them, 0 for none.
    include_top, pooling: False leaves out the dense layers, and `pooling` ("avg", "max") then makes
        one number a map.
    classifier_activation: "softmax" for probabilities, None for logits.
    weights: a file of weights of `save_weights`, or None.

    Raises SettingError for an image too small for it.

    >>> alexnet_2012((227, 227, 3), 1000, include_top=False).count_params()
    2334080
    """
    return _assemble(
        "alexnet_2012", image_shape, num_classes, widths=(96, 256, 384, 384, 256), padding=0,
        groups=2, normalized=True, hidden_units=hidden_units, dropout=dropout,
        include_top=include_top, pooling=pooling, classifier_activation=classifier_activation, weights=weights,
    )  # fmt: skip


def _assemble(
    name, image_shape, num_classes, *, widths, padding, groups, normalized, hidden_units, dropout,
    include_top, pooling, classifier_activation, weights,
) -> keras.Model:  # fmt: skip
    blocks.require_image(name, image_shape)
    blocks.require_top(include_top, pooling, classifier_activation)

    def size_after(size: int) -> int:
        size = blocks.size_of_map(size, 11, 4, padding)
        for _ in range(3):
            size = blocks.size_of_map(size, 3, 2, "valid")
        return size

    blocks.require_size(name, image_shape, size_after)
    image = keras.Input(image_shape, name="image")
    maps = image
    if padding:
        maps = keras.layers.ZeroPadding2D(padding, name="conv1_pad")(maps)
    maps = keras.layers.Conv2D(widths[0], 11, strides=4, activation="relu", name="conv1")(maps)
    for index, width in enumerate(widths[1:], start=2):
        if index <= 3:
            maps = _pooled(maps, index - 1, normalized)
        # conv3 reads the maps of both groups.
        own = 1 if index == 3 else groups
        convolution = GroupedConv2D if own > 1 else keras.layers.Conv2D
        maps = convolution(
            width, 5 if index == 2 else 3, padding="same", groups=own, activation="relu",
            name=f"conv{index}",
        )(maps)  # fmt: skip
    maps = keras.layers.MaxPooling2D(3, strides=2, name="pool5")(maps)
    if not include_top:
        model = keras.Model(image, blocks.without_top(maps, pooling), name=name)
        return loaded(model, weights, include_top)
    units = blocks.flattened(maps, image_shape, name)
    for index, size in enumerate(hidden_units, start=6):
        if dropout:
            units = keras.layers.Dropout(dropout, name=f"dropout{index}")(units)
        units = keras.layers.Dense(size, activation="relu", name=f"fc{index}")(units)
    outputs = blocks.classifier(units, num_classes, classifier_activation)
    return loaded(keras.Model(image, outputs, name=name), weights, include_top)


def _pooled(maps, index: int, normalized: bool):
    if normalized:
        maps = LocalResponseNormalization(name=f"norm{index}")(maps)
    return keras.layers.MaxPooling2D(3, strides=2, name=f"pool{index}")(maps)
