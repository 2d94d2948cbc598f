"""ResNet (He, Zhang, Ren, Sun 2015), https://arxiv.org/abs/1512.03385: for ImageNet and for CIFAR."""

from functools import partial

import keras

from cnnkit.errors import SettingError
from cnnkit.models.families import blocks
from cnnkit.models.families.layers import PaddedShortcut
from cnnkit.models.weights import loaded

EPSILON = 1.001e-5  # of batch normalisation, in the published weights of Keras
# Table 1: blocks a stage, and whether a block is a bottleneck of three convolutions.
VARIANTS = {
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
    """A residual network of Table 1, for images of ImageNet's size.

    image_shape: (height, width, channels), published for 224 x 224; None for height and width.
        Input floats in [0, 1].
    num_classes: how many logits it gives.
    depths, widths: blocks and filters a stage; the maps of a bottleneck's last convolution are four
        times as many.
    bottleneck: 1 x 1, 3 x 3, 1 x 1 convolutions a block instead of two of 3 x 3.
    stride_in_3x3: a bottleneck halves its maps in the 3 x 3 convolution, known as v1.5, instead of
        in the first 1 x 1 one, as published.
    use_bias: of the convolutions; the paper has none, Keras' published weights have. None means
        whatever `weights` wants.
    include_top, pooling: False leaves out the head, and `pooling` ("avg", "max") then makes one
        number a map.
    classifier_activation: "softmax" for probabilities, None for logits.
    weights: "imagenet" for resnet50, resnet101 and resnet152, a file of weights, or None. Keras'
        published weights want images that `keras.applications.resnet.preprocess_input` prepared.
    adapt_channels: whether the weights of a first convolution for 3 channels may serve others.

    Layers bear the names that Keras' published weights have. Raises SettingError where depths and
    widths differ in length.

    >>> resnet((224, 224, 3), 1000, depths=(2, 2, 2, 2), bottleneck=False).count_params()
    11699112
    """
    blocks.require_image(name, image_shape)
    blocks.require_top(include_top, pooling, classifier_activation)
    blocks.require_stages(depths, widths)
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
    if not include_top:
        outputs = blocks.without_top(maps, pooling)
    else:
        units = blocks.without_top(maps, "avg")
        outputs = blocks.classifier(units, num_classes, classifier_activation)
    return loaded(keras.Model(image, outputs, name=name), weights, include_top, adapt_channels)


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
    """A residual network of section 4.2, for images of 32 x 32: 6 n + 2 layers, 16-32-64 maps.

    image_shape: (height, width, channels); None for height and width. Input floats in [0, 1].
    num_classes: how many logits it gives.
    depth: 6 n + 2; the paper has 20, 32, 44, 56, 110 and 1202.
    projection: shortcuts between stages are 1 x 1 convolutions (option B) instead of padding with
        zeros (option A), which the paper takes here.
    include_top, pooling: False leaves out the head, and `pooling` ("avg", "max") then makes one
        number a map.
    classifier_activation: "softmax" for probabilities, None for logits.
    weights: a file of weights of `save_weights`, or None.

    Raises SettingError for a depth that is not 6 n + 2.

    >>> resnet_cifar((32, 32, 3), 10).count_params()
    271098
    """
    blocks.require_image(name, image_shape)
    blocks.require_top(include_top, pooling, classifier_activation)
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
    if not include_top:
        outputs = blocks.without_top(maps, pooling)
    else:
        units = blocks.without_top(maps, "avg")
        outputs = blocks.classifier(units, num_classes, classifier_activation)
    return loaded(keras.Model(image, outputs, name=name), weights, include_top)


def _convolution(maps, width, kernel_size, strides, use_bias, name):
    """A convolution with its ReLU's initialisation (He et al. 2015), of the paper's padding."""
    if strides > 1 and kernel_size > 1:  # "same" would pad an even size on one side alone
        maps = keras.layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(maps)
    return keras.layers.Conv2D(
        width, kernel_size, strides=strides, use_bias=use_bias, kernel_initializer="he_normal",
        padding="valid" if strides > 1 else "same", name=name,
    )(maps)  # fmt: skip


def _normalized(maps, name, activation=False):
    maps = keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(maps)
    return keras.layers.ReLU(name=f"{name}_relu")(maps) if activation else maps


def _bottleneck(maps, width, strides, use_bias, name, *, stride_in_3x3=False):
    """1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut (Figure 5, right)."""
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
    """Two 3 x 3 convolutions beside a shortcut (Figure 5, left)."""
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
    blocks.variant(resnet, name, **options) for name, options in VARIANTS.items()
)
resnet20, resnet32, resnet44, resnet56, resnet110 = (
    blocks.variant(resnet_cifar, f"resnet{depth}", depth=depth) for depth in (20, 32, 44, 56, 110)
)
