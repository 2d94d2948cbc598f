"""VGG (Simonyan, Zisserman 2014), https://arxiv.org/abs/1409.1556, and networks in its style."""

import keras

from cnnkit.models.families import checks
from cnnkit.models.families.layers import LocalResponseNormalization
from cnnkit.models.families.top import Top, hidden_layers, vector
from cnnkit.models.families.variants import variant

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
    """Build a network in VGG's style: stages of 3 x 3 convolutions, each with 2 x 2 max pooling.

    The configurations A to E of the paper's Table 1 are `vgg11` to `vgg19`. Layers have the names of
    Keras' published weights.

    Args:
        image_shape: (height, width, channels), published for 224 x 224. Inputs are floats in [0, 1].
        num_classes: Number of logits, at least 1.
        depths: Convolutions of each stage.
        widths: Filters of each stage.
        pointwise_last: Whether the third convolution of a stage is 1 x 1 (configuration C).
        response_normalization: Whether local response normalisation follows the first convolution
            (configuration A-LRN).
        hidden_units: Size of each dense layer before the logits.
        dropout: Part of the units that dropout sets to zero after each of them; 0 for no dropout.
        batch_normalization: Whether to normalise between every convolution and its ReLU; the paper
            does not.
        head: "flatten", as in the paper, or "global" for the mean of each feature map, which takes
            images of any size.
        include_top: Whether to include the head.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: "softmax" for probabilities, None for logits.
        weights: "imagenet" for vgg16 and vgg19, the path of a weights file, or None for random
            weights. The ImageNet weights expect images from
            `keras.applications.vgg16.preprocess_input`.
        adapt_channels: Whether a first convolution for 3 channels may serve another number.
        name: Name of the model, by which ImageNet weights are found.

    Returns:
        An uncompiled model from images to logits, (batch, num_classes).

    Raises:
        SettingError: `depths` and `widths` differ in length, the image is too small for so many
            stages, or the weights do not fit.
        MissingDataError: The weights are not on this machine and cannot be fetched.

    >>> vgg((32, 32, 3), 10, depths=(1, 1), widths=(8, 16), hidden_units=()).count_params()
    11642
    """
    checks.require_image(name, image_shape)
    top = Top(num_classes, include_top, pooling, classifier_activation, weights, adapt_channels)
    checks.require_stages(depths, widths)
    checks.require_size(name, image_shape, lambda size: size // 2 ** len(depths))

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

    def head_of(maps):
        features = vector(maps, head, image_shape, name)
        return hidden_layers(features, hidden_units, "relu", dropout, "fc")

    return top.finish(name, image, maps, head_of)


def _convolution(maps, width: int, kernel_size: int, batch_normalization: bool, name: str):
    if not batch_normalization:
        return keras.layers.Conv2D(
            width, kernel_size, padding="same", activation="relu", name=name
        )(maps)
    maps = keras.layers.Conv2D(width, kernel_size, padding="same", name=name)(maps)
    maps = keras.layers.BatchNormalization(name=f"{name}_bn")(maps)
    return keras.layers.ReLU(name=f"{name}_relu")(maps)


# Table 1 of the paper: configurations A, B, C, D and E.
VARIANTS: dict[str, dict] = {
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
    variant(vgg, name, **options) for name, options in VARIANTS.items()
)
