"""ResNet (He, Zhang, Ren, Sun 2015), https://arxiv.org/abs/1512.03385: for ImageNet and for CIFAR."""

from functools import partial

import keras

from cnnkit.errors import SettingError
from cnnkit.models.families import checks
from cnnkit.models.families.layers import PaddedShortcut
from cnnkit.models.families.top import Top
from cnnkit.models.families.variants import variant

EPSILON = 1.001e-5  # of batch normalisation, in the published weights of Keras
# Table 1: blocks a stage, and whether a block is a bottleneck of three convolutions.
VARIANTS: dict[str, dict] = {
    "resnet18": {"depths": (2, 2, 2, 2), "bottleneck": False},
    "resnet34": {"depths": (3, 4, 6, 3), "bottleneck": False},
    "resnet50": {"depths": (3, 4, 6, 3)},
    "resnet101": {"depths": (3, 4, 23, 3)},
    "resnet152": {"depths": (3, 8, 36, 3)},
}


def resnet(
    image_shape: tuple[int | None, ...],
    num_classes: int,
    *,
    depths: tuple[int, ...] = (3, 4, 6, 3),
    widths: tuple[int, ...] = (64, 128, 256, 512),
    bottleneck: bool = True,
    stride_in_3x3: bool = False,
    use_bias: bool | None = None,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
    adapt_channels: bool = False,
    name: str = "resnet",
) -> keras.Model:
    """Build a residual network of Table 1, for images of ImageNet's size.

    Layers have the names of Keras' published weights.

    Args:
        image_shape: (height, width, channels), published for 224 x 224; height and width may be
            None. Inputs are floats in [0, 1].
        num_classes: Number of logits, at least 1.
        depths: Blocks of each stage.
        widths: Filters of each stage; the last convolution of a bottleneck has four times as many.
        bottleneck: Whether a block is 1 x 1, 3 x 3 and 1 x 1 convolutions instead of two of 3 x 3.
        stride_in_3x3: Whether a bottleneck halves its maps in the 3 x 3 convolution (known as v1.5)
            instead of in the first 1 x 1 one, as published.
        use_bias: Whether convolutions have a bias. The paper has none, Keras' published weights
            have one; None chooses what `weights` needs.
        include_top: Whether to include the head.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: "imagenet" for resnet50, resnet101 and resnet152, the path of a weights file, or
            None for random weights. The ImageNet weights expect images from
            `keras.applications.resnet.preprocess_input`.
        adapt_channels: Whether a first convolution for 3 channels may serve another number.
        name: Name of the model, by which ImageNet weights are found.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: `depths` and `widths` differ in length, or the weights do not fit.
        MissingDataError: The weights are not on this machine and cannot be fetched.

    >>> resnet((224, 224, 3), 1000, depths=(2, 2, 2, 2), bottleneck=False).count_params()
    11699112
    """
    checks.require_image(name, image_shape)
    top = Top(num_classes, include_top, pooling, classifier_activation, weights, adapt_channels)
    checks.require_stages(depths, widths)
    if use_bias is None:
        use_bias = weights == "imagenet"
    image = keras.Input(image_shape, name="image")
    maps = keras.layers.ZeroPadding2D(3, name="conv1_pad")(image)
    maps = keras.layers.Conv2D(64, 7, strides=2, use_bias=use_bias, name="conv1_conv")(maps)
    maps = _normalized(maps, "conv1", activation=True)
    maps = keras.layers.ZeroPadding2D(1, name="pool1_pad")(maps)
    maps = keras.layers.MaxPooling2D(3, strides=2, name="pool1_pool")(maps)
    block = partial(_bottleneck, stride_in_3x3=stride_in_3x3) if bottleneck else _basic
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True), start=2):
        for index in range(1, depth + 1):
            strides = 2 if index == 1 and stage > 2 else 1
            maps = block(maps, width, strides, use_bias, f"conv{stage}_block{index}")
    return top.finish(name, image, maps)


def resnet_cifar(
    image_shape: tuple[int | None, ...],
    num_classes: int,
    *,
    depth: int = 20,
    projection: bool = False,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
    name: str = "resnet_cifar",
) -> keras.Model:
    """Build a residual network of section 4.2, for images of 32 x 32: 6 n + 2 layers.

    Args:
        image_shape: (height, width, channels); height and width may be None. Inputs are floats in
            [0, 1].
        num_classes: Number of logits, at least 1.
        depth: Layers with weights, 6 n + 2; the paper has 20, 32, 44, 56, 110 and 1202.
        projection: Whether shortcuts between stages are 1 x 1 convolutions (option B) instead of
            padded with zeros (option A), which the paper takes here.
        include_top: Whether to include the head.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: Path of a weights file, or None for random weights.
        name: Name of the model.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: `depth` is not 6 n + 2.

    >>> resnet_cifar((32, 32, 3), 10).count_params()
    271098
    """
    checks.require_image(name, image_shape)
    top = Top(num_classes, include_top, pooling, classifier_activation, weights)
    if depth < 8 or (depth - 2) % 6:
        near = max(8, 6 * round((depth - 2) / 6) + 2)
        raise SettingError(
            f"A ResNet for 32 x 32 has 6 n + 2 layers, such as 20, 32 or 56, not {depth}; "
            f"the nearest depth is {near}."
        )
    image = keras.Input(image_shape, name="image")
    maps = _convolution(image, 16, 3, 1, False, "conv1_conv")
    maps = _normalized(maps, "conv1", activation=True)
    for stage, width in enumerate((16, 32, 64), start=2):
        for index in range(1, (depth - 2) // 6 + 1):
            strides = 2 if index == 1 and stage > 2 else 1
            label = f"conv{stage}_block{index}"
            maps = _basic(maps, width, strides, False, label, padded=not projection)
    return top.finish(name, image, maps)


def _convolution(maps, width, kernel_size, strides, use_bias, name):
    """Convolve, with the initialisation for ReLU (He et al. 2015) and the paper's padding."""
    if strides > 1 and kernel_size > 1:  # "same" would pad an even size on one side only
        maps = keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(maps)
    return keras.layers.Conv2D(
        width, kernel_size, strides=strides, use_bias=use_bias, kernel_initializer="he_normal",
        padding="valid" if strides > 1 else "same", name=name,
    )(maps)  # fmt: skip


def _normalized(maps, name, activation=False):
    maps = keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(maps)
    return keras.layers.ReLU(name=f"{name}_relu")(maps) if activation else maps


def _bottleneck(maps, width, strides, use_bias, name, *, stride_in_3x3=False):
    """Apply 1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut (Figure 5, right)."""
    shortcut = maps
    if strides > 1 or maps.shape[-1] != 4 * width:
        shortcut = _convolution(maps, 4 * width, 1, strides, use_bias, f"{name}_0_conv")
        shortcut = _normalized(shortcut, f"{name}_0")
    first, second = (1, strides) if stride_in_3x3 else (strides, 1)
    maps = _convolution(maps, width, 1, first, use_bias, f"{name}_1_conv")
    maps = _normalized(maps, f"{name}_1", activation=True)
    maps = _convolution(maps, width, 3, second, use_bias, f"{name}_2_conv")
    maps = _normalized(maps, f"{name}_2", activation=True)
    maps = _convolution(maps, 4 * width, 1, 1, use_bias, f"{name}_3_conv")
    maps = _normalized(maps, f"{name}_3")
    return _joined(shortcut, maps, name)


def _basic(maps, width, strides, use_bias, name, *, padded=False):
    """Apply two 3 x 3 convolutions beside a shortcut (Figure 5, left)."""
    shortcut = maps
    if strides > 1 or maps.shape[-1] != width:
        if padded:
            shortcut = PaddedShortcut(width, strides, name=f"{name}_0_shortcut")(maps)
        else:
            shortcut = _convolution(maps, width, 1, strides, use_bias, f"{name}_0_conv")
            shortcut = _normalized(shortcut, f"{name}_0")
    maps = _convolution(maps, width, 3, strides, use_bias, f"{name}_1_conv")
    maps = _normalized(maps, f"{name}_1", activation=True)
    maps = _convolution(maps, width, 3, 1, use_bias, f"{name}_2_conv")
    maps = _normalized(maps, f"{name}_2")
    return _joined(shortcut, maps, name)


def _joined(shortcut, maps, name):
    maps = keras.layers.Add(name=f"{name}_add")([shortcut, maps])
    return keras.layers.ReLU(name=f"{name}_out")(maps)


resnet18, resnet34, resnet50, resnet101, resnet152 = (
    variant(resnet, name, **options) for name, options in VARIANTS.items()
)
resnet20, resnet32, resnet44, resnet56, resnet110 = (
    variant(resnet_cifar, f"resnet{depth}", depth=depth) for depth in (20, 32, 44, 56, 110)
)
