"""DenseNet (Huang, Liu, van der Maaten, Weinberger 2016), https://arxiv.org/abs/1608.06993."""

import keras

from cnnkit.errors import SettingError
from cnnkit.models.families import checks
from cnnkit.models.families.top import Top
from cnnkit.models.families.variants import variant

EPSILON = 1.001e-5  # of batch normalisation, in the published weights of Keras
# Table 1: layers a dense block; 264 is the deepest of Figure 3.
VARIANTS = {
    "densenet121": (6, 12, 24, 16),
    "densenet169": (6, 12, 32, 32),
    "densenet201": (6, 12, 48, 32),
    "densenet264": (6, 12, 64, 48),
}


def densenet(
    image_shape: tuple[int | None, ...],
    num_classes: int,
    *,
    depths: tuple[int, ...] = (6, 12, 24, 16),
    growth: int = 32,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
    adapt_channels: bool = False,
    name: str = "densenet",
) -> keras.Model:
    """Build a DenseNet-BC of Table 1, for images of ImageNet's size.

    Layers have the names of Keras' published weights.

    Args:
        image_shape: (height, width, channels), published for 224 x 224; height and width may be
            None. Inputs are floats in [0, 1].
        num_classes: Number of logits, at least 1.
        depths: Layers of each dense block.
        growth: Feature maps that each layer adds (k in the paper).
        include_top: Whether to include the head.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: "imagenet" for densenet121, densenet169 and densenet201, the path of a weights
            file, or None for random weights. The ImageNet weights expect images from
            `keras.applications.densenet.preprocess_input`.
        adapt_channels: Whether a first convolution for 3 channels may serve another number.
        name: Name of the model, by which ImageNet weights are found.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: The image is too small, or the weights do not fit.
        MissingDataError: The weights are not on this machine and cannot be fetched.

    >>> densenet((224, 224, 3), 1000).count_params()
    8062504
    """
    checks.require_image(name, image_shape)
    top = Top(num_classes, include_top, pooling, classifier_activation, weights, adapt_channels)
    checks.require_size(name, image_shape, lambda size: -(-size // 4) // 2 ** (len(depths) - 1))
    image = keras.Input(image_shape, name="image")
    maps = keras.layers.ZeroPadding2D(3, name="conv1_pad")(image)
    maps = keras.layers.Conv2D(2 * growth, 7, strides=2, use_bias=False, name="conv1_conv")(maps)
    maps = _normalized(maps, "conv1")
    maps = keras.layers.ZeroPadding2D(1, name="pool1_pad")(maps)
    maps = keras.layers.MaxPooling2D(3, strides=2, name="pool1")(maps)
    for stage, depth in enumerate(depths, start=2):
        maps = _dense_block(maps, depth, growth, True, f"conv{stage}")
        if stage <= len(depths):
            maps = _transition(maps, maps.shape[-1] // 2, f"pool{stage}")
    maps = keras.layers.BatchNormalization(epsilon=EPSILON, name="bn")(maps)
    maps = keras.layers.ReLU(name="relu")(maps)
    return top.finish(name, image, maps)


def densenet_bc(
    image_shape: tuple[int | None, ...],
    num_classes: int,
    *,
    depth: int = 100,
    growth: int = 12,
    bottleneck: bool = True,
    dropout: float = 0.0,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
    name: str = "densenet_bc",
) -> keras.Model:
    """Build a DenseNet of section 3 for images of 32 x 32: three dense blocks of the same depth.

    Args:
        image_shape: (height, width, channels); height and width may be None. Inputs are floats in
            [0, 1].
        num_classes: Number of logits, at least 1.
        depth: Layers in all (L in the paper): 6 n + 4 with bottlenecks, 3 n + 4 without.
        growth: Feature maps that each layer adds (k in the paper).
        bottleneck: True for DenseNet-BC: a 1 x 1 convolution before each 3 x 3 one, and transitions
            that halve the number of maps. False for the basic DenseNet.
        dropout: Part of the values that dropout sets to zero after each convolution of a block; the
            paper has 0.2 where it does not augment images.
        include_top: Whether to include the head.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: Path of a weights file, or None for random weights.
        name: Name of the model.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: The family has no network of that depth, or the image is too small.

    >>> densenet_bc((32, 32, 3), 10).count_params()
    793150
    """
    checks.require_image(name, image_shape)
    top = Top(num_classes, include_top, pooling, classifier_activation, weights)
    step = 6 if bottleneck else 3
    if depth < step + 4 or (depth - 4) % step:
        near = max(step + 4, step * round((depth - 4) / step) + 4)
        raise SettingError(
            f"A DenseNet {'with' if bottleneck else 'without'} bottlenecks has {step} n + 4 "
            f"layers, not {depth}; the nearest depth is {near}."
        )
    checks.require_size(name, image_shape, lambda size: size // 4)
    image = keras.Input(image_shape, name="image")
    stem = 2 * growth if bottleneck else 16
    maps = keras.layers.Conv2D(stem, 3, padding="same", use_bias=False, name="conv1_conv")(image)
    for stage in (2, 3, 4):
        label = f"conv{stage}"
        maps = _dense_block(maps, (depth - 4) // step, growth, bottleneck, label, dropout)
        if stage < 4:
            width = maps.shape[-1] // 2 if bottleneck else maps.shape[-1]
            maps = _transition(maps, width, f"pool{stage}")
    maps = _normalized(maps, "final")
    return top.finish(name, image, maps)


def _normalized(maps, name):
    maps = keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(maps)
    return keras.layers.ReLU(name=f"{name}_relu")(maps)


def _dense_block(maps, depth, growth, bottleneck, name, dropout=0.0):
    """Append layers that each read all maps before them and add `growth` new ones."""
    for index in range(1, depth + 1):
        label = f"{name}_block{index}"
        new = _normalized(maps, f"{label}_0")
        if bottleneck:
            new = keras.layers.Conv2D(4 * growth, 1, use_bias=False, name=f"{label}_1_conv")(new)
            new = _dropped(new, dropout, f"{label}_1_dropout")
            new = _normalized(new, f"{label}_1")
        new = keras.layers.Conv2D(
            growth, 3, padding="same", use_bias=False, name=f"{label}_2_conv"
        )(new)
        new = _dropped(new, dropout, f"{label}_2_dropout")
        maps = keras.layers.Concatenate(name=f"{label}_concat")([maps, new])
    return maps


def _dropped(maps, dropout, name):
    return keras.layers.Dropout(dropout, name=name)(maps) if dropout else maps


def _transition(maps, width, name):
    """Apply the 1 x 1 convolution and average pooling between two dense blocks."""
    maps = _normalized(maps, name)
    maps = keras.layers.Conv2D(width, 1, use_bias=False, name=f"{name}_conv")(maps)
    return keras.layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(maps)


densenet121, densenet169, densenet201, densenet264 = (
    variant(densenet, name, depths=depths) for name, depths in VARIANTS.items()
)
