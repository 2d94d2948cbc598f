"""VGG (Simonyan, Zisserman 2014), https://arxiv.org/abs/1409.1556, and networks in its style."""

import keras

from cnnkit.models.families import blocks
from cnnkit.models.families.layers import LocalResponseNormalization
from cnnkit.models.weights import loaded

WIDTHS = (64, 128, 256, 512, 512)


def vgg(
    image_shape: tuple[int | None, ...],
    num_classes: int,
    *,
    depths: tuple[int, ...] = (1, 1, 2, 2, 2),
    widths: tuple[int, ...] = WIDTHS,
    pointwise_last: bool = False,
    response_normalization: bool = False,
    hidden_units: tuple[int, ...] = (4096, 4096),
    dropout: float = 0.5,
    batch_normalization: bool = False,
    head: str = "flatten",
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
    weights: str | None = None,
    adapt_channels: bool = False,
    name: str = "vgg",
) -> keras.Model:
    """A network in VGG's style: stages of 3 x 3 convolutions, each followed by 2 x 2 max pooling.

    image_shape: (height, width, channels). Input floats in [0, 1].
    num_classes: how many logits it gives.
    depths, widths: convolutions and filters a stage, one number each.
    pointwise_last: the third convolution of a stage is 1 x 1 (configuration C of Table 1).
    response_normalization: local response normalisation after the first convolution (A-LRN).
    hidden_units, dropout: of the dense layers; dropout follows each of them, 0 for none.
    batch_normalization: between every convolution and its ReLU.
    head: "flatten" (the paper), or "global": the mean of each feature map, for any image size.
    include_top, pooling: False leaves out the head, and `pooling` ("avg", "max") then makes one
        number a map.
    classifier_activation: "softmax" for probabilities, None for logits.
    weights: "imagenet" for vgg16 and vgg19, a file of weights, or None. Keras' published weights
        want images that `keras.applications.vgg16.preprocess_input` has prepared.
    adapt_channels: whether the weights of a first convolution for 3 channels may serve others.

    Layers bear the names that Keras' published weights have. Raises SettingError where depths and
    widths differ in length, or the image is too small for that many stages.

    >>> vgg((32, 32, 3), 10, depths=(1, 1), widths=(8, 16), hidden_units=()).count_params()
    11642
    """
    blocks.require_image(name, image_shape)
    blocks.require_top(include_top, pooling, classifier_activation)
    blocks.require_stages(depths, widths)
    blocks.require_size(name, image_shape, lambda size: size // 2 ** len(depths))

    image = keras.Input(image_shape, name="image")
    maps = image
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True), start=1):
        for index in range(1, depth + 1):
            kernel_size = 1 if pointwise_last and index == 3 else 3
            maps = _convolution(
                maps, width, kernel_size, batch_normalization, f"block{stage}_conv{index}"
            )
            if response_normalization and stage == index == 1:
                maps = LocalResponseNormalization(name="block1_lrn")(maps)
        maps = keras.layers.MaxPooling2D(2, name=f"block{stage}_pool")(maps)
    if not include_top:
        model = keras.Model(image, blocks.without_top(maps, pooling), name=name)
        return loaded(model, weights, include_top, adapt_channels)
    units = blocks.vector(maps, head, image_shape, name)
    units = blocks.hidden_layers(units, hidden_units, "relu", dropout, "fc")
    outputs = blocks.classifier(units, num_classes, classifier_activation)
    return loaded(keras.Model(image, outputs, name=name), weights, include_top, adapt_channels)


def _convolution(maps, width: int, kernel_size: int, batch_normalization: bool, name: str):
    if not batch_normalization:
        return keras.layers.Conv2D(
            width, kernel_size, padding="same", activation="relu", name=name
        )(maps)
    maps = keras.layers.Conv2D(width, kernel_size, padding="same", name=name)(maps)
    maps = keras.layers.BatchNormalization(name=f"{name}_bn")(maps)
    return keras.layers.ReLU(name=f"{name}_relu")(maps)


# Table 1 of the paper: configurations A, B, C, D and E.
VARIANTS = {
    "vgg11": {"depths": (1, 1, 2, 2, 2)},
    "vgg11_lrn": {"depths": (1, 1, 2, 2, 2), "response_normalization": True},
    "vgg13": {"depths": (2, 2, 2, 2, 2)},
    "vgg16_1x1": {"depths": (2, 2, 3, 3, 3), "pointwise_last": True},
    "vgg16": {"depths": (2, 2, 3, 3, 3)},
    "vgg19": {"depths": (2, 2, 4, 4, 4)},
    # For 32 x 32 images: three stages, a dense layer of 128.
    "vgg_small": {
        "depths": (2, 2, 2),
        "widths": (32, 64, 128),
        "hidden_units": (128,),
        "batch_normalization": True,
    },
}
vgg11, vgg11_lrn, vgg13, vgg16_1x1, vgg16, vgg19, vgg_small = (
    blocks.variant(vgg, name, **options) for name, options in VARIANTS.items()
)
