"""Each layer's arithmetic once more in plain NumPy, in float64: the oracle of the walkthrough.

Arrays are those of one sample: (height, width, channels), (steps, channels) or (units,).
"""

import math
from collections.abc import Callable

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnkit.models.families import layers as ours, lenet5_1998

_error_function = np.vectorize(math.erf, otypes=["float64"])

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "relu6": lambda z: np.clip(z, 0, 6),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.2 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "gelu": lambda z: z * (1 + _error_function(z / math.sqrt(2))) / 2,
    "silu": lambda z: z / (1 + np.exp(-z)),
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "softplus": lambda z: np.logaddexp(z, 0),
    "tanh": np.tanh,
    "softmax": lambda z: softmax(z),
    "squash": lambda z: 1.7159 * np.tanh(2 / 3 * z),
}


def by_hand(layer: keras.Layer, *inputs: np.ndarray) -> np.ndarray | None:
    """Return what a layer makes of its inputs, float64, or None where no rule for it is known.

    >>> pool = keras.layers.MaxPooling1D(2)
    >>> by_hand(pool, np.array([[1.0], [3.0], [2.0], [0.0]])).tolist()
    [[3.0], [2.0]]
    """
    rule = next((RULES[kind] for kind in type(layer).__mro__ if kind in RULES), None)
    if rule is None or activation_of(layer) is None:
        return None
    return rule(layer, *(np.asarray(values, "float64") for values in inputs))


def activation_of(layer: keras.Layer) -> Callable | None:
    """Return a layer's activation as a NumPy function, None where it is not known here."""
    activation = getattr(layer, "activation", None)
    return ACTIVATIONS.get("linear" if activation is None else getattr(activation, "__name__", ""))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities: the exponentials of logits, divided by their sum over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def windows(maps, size, strides=1, padding="valid", dilation=1, fill=0.0) -> np.ndarray:
    """Return the patch that each place of a convolution or pooling reads: (*places, channels, *size).

    maps: (*places, channels). size, strides, dilation: one number, or one an axis. fill: what
        padding="same" lays round the maps.
    """
    axes = maps.ndim - 1
    size, strides, dilation = (_per_axis(value, axes) for value in (size, strides, dilation))
    reach = tuple((n - 1) * spread + 1 for n, spread in zip(size, dilation, strict=True))
    if padding == "same":
        pads = [
            same_padding(places, n, step)
            for places, n, step in zip(maps.shape[:-1], reach, strides, strict=True)
        ]
        maps = np.pad(maps, [*pads, (0, 0)], constant_values=fill)
    patches = sliding_window_view(maps, reach, axis=tuple(range(axes)))
    steps = tuple(slice(None, None, step) for step in strides)
    return patches[(*steps, ..., *(slice(None, None, spread) for spread in dilation))]


def same_padding(places: int, reach: int, step: int) -> tuple[int, int]:
    """Return how many values "same" puts before and after an axis; the odd one comes after."""
    missing = max((math.ceil(places / step) - 1) * step + reach - places, 0)
    return missing // 2, missing - missing // 2


def weights(layer: keras.Layer, *names: str) -> list[np.ndarray | float]:
    """Return weights of a layer by name, float64; 0 for a bias that is not there."""
    found = [getattr(layer, name, None) for name in names]
    return [
        0.0 if value is None else keras.ops.convert_to_numpy(value).astype("float64")
        for value in found
    ]


def _per_axis(value, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)


def _convolution(layer, maps):
    kernel, bias = weights(layer, "kernel", "bias")
    groups = [
        _correlate(part, own, layer)
        for part, own in zip(
            np.split(maps, layer.groups, axis=-1),
            np.split(kernel, layer.groups, axis=-1),
            strict=True,
        )
    ]
    return activation_of(layer)(np.concatenate(groups, axis=-1) + bias)


def _correlate(maps, kernel, layer):
    patches = windows(maps, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    axes = maps.ndim - 1
    channels_first = np.moveaxis(kernel, -2, 0)
    return np.tensordot(patches, channels_first, axes=axes + 1)


def _depthwise(layer, maps):
    kernel, bias = weights(layer, "kernel", "bias")
    patches = windows(maps, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)
    answers = np.einsum("ijcyx,yxcm->ijcm", patches, kernel)
    return activation_of(layer)(answers.reshape(*answers.shape[:2], -1) + bias)


def _table_convolution(layer, maps):
    kernel, bias = weights(layer, "kernel", "bias")
    connected = lenet5_1998.connected_maps()
    whole = np.zeros((5, 5, *connected.shape))
    whole[:, :, connected] = kernel
    answers = np.tensordot(windows(maps, 5), np.moveaxis(whole, -2, 0), axes=3)
    return ACTIVATIONS["squash"](answers + bias)


def _dense(layer, values):
    kernel, bias = weights(layer, "kernel", "bias")
    return activation_of(layer)(values @ kernel + bias)


def _max_pooling(layer, maps):
    patches = windows(maps, layer.pool_size, layer.strides, layer.padding, fill=-np.inf)
    return patches.max(axis=tuple(range(maps.ndim, patches.ndim)))


def _average_pooling(layer, maps):
    # Padded places do not count: they are left out of the mean.
    patches = windows(maps, layer.pool_size, layer.strides, layer.padding, fill=np.nan)
    return np.nanmean(patches, axis=tuple(range(maps.ndim, patches.ndim)))


def _global_pooling(reduce):
    def pool(layer, maps):
        return reduce(maps, axis=tuple(range(maps.ndim - 1)), keepdims=layer.keepdims)

    return pool


def _batch_normalization(layer, values):
    mean, variance, gamma, beta = weights(layer, "moving_mean", "moving_variance", "gamma", "beta")
    gamma = gamma if layer.scale else 1.0
    return (values - mean) / np.sqrt(variance + layer.epsilon) * gamma + beta


def _relu(layer, values):
    slope, threshold = layer.negative_slope or 0.0, layer.threshold or 0.0
    answers = np.where(values >= threshold, values, slope * (values - threshold))
    return answers if layer.max_value is None else np.minimum(answers, layer.max_value)


def _zero_padding(layer, maps):
    padding = layer.padding if isinstance(layer.padding[0], (tuple, list)) else [layer.padding]
    return np.pad(maps, [*padding, (0, 0)])


def _response_normalization(layer, maps):
    reach, channels = layer.size // 2, maps.shape[-1]
    totals = [
        np.square(maps[..., max(0, k - reach) : k - reach + layer.size]).sum(axis=-1)
        for k in range(channels)
    ]
    return maps / (layer.k + layer.alpha * np.stack(totals, axis=-1)) ** layer.beta


def _subsampling(layer, maps):
    coefficient, bias = weights(layer, "coefficient", "bias")
    return ACTIVATIONS["squash"](windows(maps, 2, 2).sum(axis=(-1, -2)) * coefficient + bias)


def _padded_shortcut(layer, maps):
    maps = maps[:: layer.strides, :: layer.strides]
    return np.pad(maps, [(0, 0), (0, 0), (0, layer.filters - maps.shape[-1])])


def _radial_basis(layer, values):
    return -np.square(values - lenet5_1998.bitmaps()[: layer.classes]).sum(axis=-1)


_kinds = keras.layers
RULES: dict[type, Callable] = {
    _kinds.Conv1D: _convolution,
    _kinds.Conv2D: _convolution,
    _kinds.DepthwiseConv2D: _depthwise,
    _kinds.Dense: _dense,
    _kinds.MaxPooling1D: _max_pooling,
    _kinds.MaxPooling2D: _max_pooling,
    _kinds.AveragePooling1D: _average_pooling,
    _kinds.AveragePooling2D: _average_pooling,
    _kinds.GlobalAveragePooling1D: _global_pooling(np.mean),
    _kinds.GlobalAveragePooling2D: _global_pooling(np.mean),
    _kinds.GlobalMaxPooling1D: _global_pooling(np.max),
    _kinds.GlobalMaxPooling2D: _global_pooling(np.max),
    _kinds.BatchNormalization: _batch_normalization,
    _kinds.Activation: lambda layer, values: activation_of(layer)(values),
    _kinds.ReLU: _relu,
    _kinds.Softmax: lambda layer, values: softmax(values),
    _kinds.Flatten: lambda layer, values: values.reshape(-1),
    _kinds.Reshape: lambda layer, values: values.reshape(layer.target_shape),
    _kinds.Permute: lambda layer, values: values.transpose([axis - 1 for axis in layer.dims]),
    _kinds.Dropout: lambda layer, values: values,
    _kinds.ZeroPadding1D: _zero_padding,
    _kinds.ZeroPadding2D: _zero_padding,
    _kinds.Rescaling: lambda layer, values: values * layer.scale + layer.offset,
    _kinds.Add: lambda layer, *values: sum(values),
    _kinds.Multiply: lambda layer, *values: math.prod(values),
    _kinds.Concatenate: lambda layer, *values: np.concatenate(values, axis=-1),
    ours.LocalResponseNormalization: _response_normalization,
    ours.PaddedShortcut: _padded_shortcut,
    lenet5_1998.Subsampling: _subsampling,
    lenet5_1998.TableConvolution: _table_convolution,
    lenet5_1998.RadialBasis: _radial_basis,
}
