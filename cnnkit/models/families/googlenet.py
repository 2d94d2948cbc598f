"""GoogLeNet (Szegedy et al. 2014), https://arxiv.org/abs/1409.4842."""

import keras

from cnnkit.models.families import checks
from cnnkit.models.families.layers import LocalResponseNormalization
from cnnkit.models.families.top import Top, average_pooled

# Table 1: filters of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5 and pool projection.
MODULES = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
AUXILIARY_AFTER = ("4a", "4d")


def googlenet(
    image_shape: tuple[int | None, ...],
    num_classes: int,
    *,
    auxiliary_heads: bool = False,
    dropout: float = 0.4,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
) -> keras.Model:
    """Build GoogLeNet: Table 1 of the paper, nine inception modules.

    The table's own counts for conv1 (2.7K parameters, 34M operations) and 5a cannot be right. Here
    these have 9,472 and 1,043,456 parameters, as in the authors' published definition.

    Args:
        image_shape: (height, width, channels), published for 224 x 224; without auxiliary heads,
            height and width may be None. Inputs are floats in [0, 1].
        num_classes: Number of logits, at least 1.
        auxiliary_heads: Whether to add the classifiers after modules 4a and 4d (section 5). The
            model then has three outputs, the main one first. An Experiment weights their losses by
            1, 0.3 and 0.3, as in the paper, and saves the main output alone.
        dropout: Part of the values that dropout sets to zero before the last layer; 0 for none.
        include_top: Whether to include the head.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: Path of a weights file, or None for random weights.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes), or to a list of three.

    Raises:
        SettingError: The image is too small.

    >>> googlenet((224, 224, 3), 1000).count_params()
    6998552
    """
    checks.require_image("googlenet", image_shape)
    top = Top(num_classes, include_top, pooling, classifier_activation, weights)
    # An auxiliary head averages windows of 5 x 5 of maps that are a 16th of the image.
    smallest = 16 * 4 + 1 if auxiliary_heads else 1
    checks.require_size("googlenet", image_shape, lambda size: size - smallest + 1)

    image = keras.Input(image_shape, name="image")
    maps = _convolution(image, 64, 7, "conv1", strides=2)
    maps = _pool(maps, "pool1")
    maps = _response_normalized(maps, "norm1")
    maps = _convolution(maps, 64, 1, "conv2_reduce")
    maps = _convolution(maps, 192, 3, "conv2")
    maps = _response_normalized(maps, "norm2")
    maps = _pool(maps, "pool2")
    auxiliary = {}
    for module, filters in MODULES.items():
        maps = _inception(maps, filters, f"inception_{module}")
        if auxiliary_heads and include_top and module in AUXILIARY_AFTER:
            auxiliary[f"auxiliary_{module}"] = _auxiliary_head(maps, f"auxiliary_{module}")
        if module in ("3b", "4e"):
            maps = _pool(maps, f"pool{module[0]}")

    def head(maps):
        features = average_pooled(maps)
        return keras.layers.Dropout(dropout, name="dropout")(features) if dropout else features

    return top.finish("googlenet", image, maps, head, auxiliary=auxiliary)


def _convolution(maps, width: int, kernel_size: int, name: str, strides: int = 1):
    return keras.layers.Conv2D(
        width, kernel_size, strides=strides, padding="same", activation="relu", name=name
    )(maps)


def _response_normalized(maps, name: str):
    # As in the authors' published definition, which divides its alpha of 1e-4 by the five maps.
    return LocalResponseNormalization(k=1.0, alpha=2e-5, name=name)(maps)


def _pool(maps, name: str, strides: int = 2):
    return keras.layers.MaxPooling2D(3, strides=strides, padding="same", name=name)(maps)


def _inception(maps, filters: tuple[int, ...], name: str):
    """Apply one module of Figure 2b: four paths side by side."""
    one, three_reduce, three, five_reduce, five, projection = filters
    paths = [
        _convolution(maps, one, 1, f"{name}_1x1"),
        _convolution(
            _convolution(maps, three_reduce, 1, f"{name}_3x3_reduce"), three, 3, f"{name}_3x3"
        ),
        _convolution(
            _convolution(maps, five_reduce, 1, f"{name}_5x5_reduce"), five, 5, f"{name}_5x5"
        ),
        _convolution(_pool(maps, f"{name}_pool", strides=1), projection, 1, f"{name}_pool_proj"),
    ]
    return keras.layers.Concatenate(name=f"{name}_output")(paths)


def _auxiliary_head(maps, name: str):
    """Apply section 5's 5 x 5 average pooling by 3, 128 1 x 1 filters, 1024 units, 70 % dropout."""
    maps = keras.layers.AveragePooling2D(5, strides=3, name=f"{name}_pool")(maps)
    maps = _convolution(maps, 128, 1, f"{name}_conv")
    units = keras.layers.Flatten(name=f"{name}_flatten")(maps)
    units = keras.layers.Dense(1024, activation="relu", name=f"{name}_fc")(units)
    return keras.layers.Dropout(0.7, name=f"{name}_dropout")(units)
