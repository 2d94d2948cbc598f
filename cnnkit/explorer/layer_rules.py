"""Keras' layers as the explorer's page computes them: a kind of arithmetic and its arguments."""

from collections.abc import Callable

import numpy as np
from keras import layers, ops

from cnnkit.explorer import activation_rules

# They change nothing in use: what is random in them happens in training alone.
UNCHANGED = (
    layers.ActivityRegularization, layers.AlphaDropout, layers.AugMix, layers.Dropout,
    layers.Flatten, layers.GaussianDropout, layers.GaussianNoise, layers.Identity,
    layers.RandAugment, layers.RandomBrightness, layers.RandomColorDegeneration,
    layers.RandomColorJitter, layers.RandomContrast, layers.RandomElasticTransform,
    layers.RandomErasing, layers.RandomFlip, layers.RandomGaussianBlur, layers.RandomGrayscale,
    layers.RandomHue, layers.RandomInvert, layers.RandomPerspective, layers.RandomPosterization,
    layers.RandomRotation, layers.RandomSaturation, layers.RandomSharpness, layers.RandomShear,
    layers.RandomTranslation, layers.RandomZoom, layers.Reshape, layers.SpatialDropout1D,
    layers.SpatialDropout2D,
)  # fmt: skip
MERGES = {
    layers.Add: "add", layers.Subtract: "subtract", layers.Multiply: "multiply",
    layers.Average: "average", layers.Maximum: "maximum", layers.Minimum: "minimum",
}  # fmt: skip
POOLINGS = {layers.MaxPooling2D: "max_pooling", layers.AveragePooling2D: "average_pooling"}
GLOBAL_POOLINGS = {
    layers.GlobalAveragePooling2D: "global_average_pooling",
    layers.GlobalMaxPooling2D: "global_max_pooling",
}
CONVOLUTIONS = {
    layers.Conv2D: "convolution", layers.DepthwiseConv2D: "depthwise_convolution",
    layers.SeparableConv2D: "separable_convolution",
}  # fmt: skip


def rule(layer, shapes: list[tuple]) -> dict | None:
    """Return how the page computes a layer.

    Args:
        layer: A Keras layer of one of Keras' own classes.
        shapes: The shape of each input, with the batch axis.

    Returns:
        The layer's configuration in the document; None if the page cannot compute the layer.
    """
    kind, rank = type(layer), len(shapes[0])
    if getattr(layer, "data_format", None) == "channels_first":
        return None
    if kind in UNCHANGED:
        return {"arithmetic": "same_values"}
    if kind in MERGES:
        # Keras aligns inputs of different rank in its own way.
        same_rank = len({len(shape) for shape in shapes}) == 1
        return {"arithmetic": "merging", "function": MERGES[kind]} if same_rank else None
    for family, make in FAMILIES:
        if kind in family:
            return make(layer, rank)
    return activation_rules.of_layer(layer, rank)


def constant(array) -> dict:
    """Return an array as the document writes it.

    Args:
        array: NumPy array or number, without a batch axis.

    Returns:
        Its shape and its values in one list.
    """
    values = np.asarray(array, np.float64)
    return {"shape": list(values.shape), "values": values.reshape(-1).tolist()}


def without_batch(array) -> np.ndarray | None:
    """Return a constant that is joined to a batch, without the batch axis.

    Args:
        array: An array that broadcasts to a batch.

    Returns:
        The array for one sample; None if its first axis is not 1.
    """
    values = np.asarray(ops.convert_to_numpy(array), np.float64)
    return values[0] if values.ndim and values.shape[0] == 1 else None


def _convolution(layer, rank: int) -> dict | None:
    activation = activation_rules.function_name(layer.activation)
    if activation is None or layer.padding not in ("same", "valid"):
        return None
    return {
        "arithmetic": CONVOLUTIONS[type(layer)],
        "kernel_size": list(layer.kernel_size),
        "strides": list(layer.strides),
        "padding": layer.padding,
        "dilation_rate": list(layer.dilation_rate),
        "groups": getattr(layer, "groups", 1) or 1,
        "activation": activation,
        "use_bias": layer.use_bias,
    }


def _dense(layer, rank: int) -> dict | None:
    activation = activation_rules.function_name(layer.activation)
    if activation is None:
        return None
    return {"arithmetic": "dense", "activation": activation, "use_bias": layer.use_bias}


def _pooling(layer, rank: int) -> dict:
    return {
        "arithmetic": POOLINGS[type(layer)],
        "pool_size": list(layer.pool_size),
        "strides": list(layer.strides),
        "padding": layer.padding,
    }


def _global_pooling(layer, rank: int) -> dict:
    return {"arithmetic": GLOBAL_POOLINGS[type(layer)]}


def _normalization(layer, rank: int) -> dict | None:
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if [axis % rank for axis in axes] != [rank - 1]:
        return None
    name = "batch" if isinstance(layer, layers.BatchNormalization) else "layer"
    return {"arithmetic": f"{name}_normalization", "epsilon": float(layer.epsilon)}


def _rescaling(layer, rank: int) -> dict:
    return {
        "arithmetic": "scaling",
        "factor": constant(layer.scale),
        "offset": constant(layer.offset),
    }


def _feature_normalization(layer, rank: int) -> dict | None:
    mean, variance = without_batch(layer.mean), without_batch(layer.variance)
    if mean is None or variance is None:
        return None
    deviation = np.maximum(np.sqrt(variance), np.finfo("float32").eps)
    factor, offset = (deviation, mean) if layer.invert else (1 / deviation, -mean / deviation)
    return {"arithmetic": "scaling", "factor": constant(factor), "offset": constant(offset)}


def _border(layer, rank: int) -> dict:
    is_padding = isinstance(layer, layers.ZeroPadding2D)
    (top, _), (left, _) = layer.padding if is_padding else layer.cropping
    sign = 1 if is_padding else -1
    return {"arithmetic": "border", "before": [sign * top, sign * left, 0]}


def _enlargement(layer, rank: int) -> dict | None:
    arithmetic = {"nearest": "enlargement", "bilinear": "enlargement_bilinear"}
    if layer.interpolation not in arithmetic:
        return None
    return {"arithmetic": arithmetic[layer.interpolation], "size": list(layer.size)}


def _concatenation(layer, rank: int) -> dict | None:
    axis = layer.axis % rank
    return {"arithmetic": "concatenation", "axis": axis - 1} if axis else None


def _permutation(layer, rank: int) -> dict:
    return {"arithmetic": "permutation", "axes": [axis - 1 for axis in layer.dims]}


FAMILIES: tuple[tuple[tuple | dict, Callable], ...] = (
    (CONVOLUTIONS, _convolution),
    ((layers.Dense,), _dense),
    (POOLINGS, _pooling),
    (GLOBAL_POOLINGS, _global_pooling),
    ((layers.BatchNormalization, layers.LayerNormalization), _normalization),
    ((layers.Rescaling,), _rescaling),
    ((layers.Normalization,), _feature_normalization),
    ((layers.ZeroPadding2D, layers.Cropping2D), _border),
    ((layers.UpSampling2D,), _enlargement),
    ((layers.Concatenate,), _concatenation),
    ((layers.Permute,), _permutation),
)
