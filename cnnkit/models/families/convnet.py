"""The free network: every choice that the articles list, as an option."""

import keras

from cnnkit.errors import SettingError
from cnnkit.models.families import blocks

POOLING = {
    ("max", 2): keras.layers.MaxPooling2D,
    ("average", 2): keras.layers.AveragePooling2D,
    ("max", 1): keras.layers.MaxPooling1D,
    ("average", 1): keras.layers.AveragePooling1D,
}


def convnet(
    image_shape: tuple[int | None, ...],
    num_classes: int,
    *,
    depths: tuple[int, ...] = (1, 1),
    widths: tuple[int, ...] = (16, 32),
    kernel_size: int = 3,
    strides: int = 1,
    padding: str = "same",
    activation: str = "relu",
    pool: str = "max",
    pool_size: int = 2,
    pool_strides: int | None = None,
    pool_before_activation: bool = False,
    hidden_units: tuple[int, ...] = (64,),
    dropout: float = 0.0,
    batch_normalization: bool = False,
    head: str = "flatten",
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: str | None = None,
) -> keras.Model:
    """A network of your own choices: stages of convolutions with a pooling each, then dense layers.

    image_shape: (height, width, channels) for images, (steps, channels) for sequences, which get
        1-D layers. Input floats.
    num_classes: how many logits it gives.
    depths, widths: convolutions and filters a stage, one number each.
    kernel_size, strides, padding: of every convolution; padding is "same" or "valid".
    pool: "max" or "average", after each stage; pool_size and pool_strides are its window and
        step (None: as wide as the window).
    pool_before_activation: pools first, which for max pooling and ReLU gives the same with less
        work, since both keep the order of values.
    hidden_units, dropout: of the dense layers; dropout follows each of them, 0 for none.
    batch_normalization: between every convolution and its activation.
    head: "flatten", or "global": the mean of each feature map, for any image size.
    include_top, pooling: False leaves out the head, and `pooling` ("avg", "max") then makes one
        number a map.
    classifier_activation: "softmax" for probabilities, None for logits.

    Raises SettingError for choices that contradict each other, or maps that would vanish.

    >>> convnet((28, 28, 1), 10, widths=(8, 16), hidden_units=()).count_params()
    9098
    """
    dimensions = len(image_shape) - 1
    if dimensions not in (1, 2):
        raise SettingError(
            "convnet takes (height, width, channels) or (steps, channels), "
            f"not {tuple(image_shape)}."
        )
    blocks.require_stages(depths, widths)
    blocks.require_choice("pool", pool, ("max", "average"))
    blocks.require_choice("padding", padding, ("same", "valid"))

    def size_after(size: int) -> int:
        for depth in depths:
            for _ in range(depth):
                size = blocks.size_of_map(size, kernel_size, strides, padding)
            size = blocks.size_of_map(size, pool_size, pool_strides or pool_size, "valid")
        return size

    blocks.require_size("convnet", image_shape, size_after)
    convolution = keras.layers.Conv2D if dimensions == 2 else keras.layers.Conv1D
    image = keras.Input(image_shape, name="image")
    maps = image
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True), start=1):
        pooling_layer = POOLING[pool, dimensions](pool_size, pool_strides, name=f"pool{stage}")
        for index in range(1, depth + 1):
            label = f"{stage}_{index}"
            maps = convolution(width, kernel_size, strides, padding, name=f"conv{label}")(maps)
            if batch_normalization:
                maps = keras.layers.BatchNormalization(name=f"norm{label}")(maps)
            if index == depth and pool_before_activation:
                maps = pooling_layer(maps)
            maps = keras.layers.Activation(activation, name=f"{activation}{label}")(maps)
        if not pool_before_activation:
            maps = pooling_layer(maps)
    if not include_top:
        return keras.Model(image, blocks.without_top(maps, pooling), name="convnet")
    units = blocks.vector(maps, head, image_shape, "convnet")
    units = blocks.hidden_layers(units, hidden_units, activation, dropout, "hidden")
    outputs = blocks.classifier(units, num_classes, classifier_activation)
    return keras.Model(image, outputs, name="convnet")
