"""The forward pass of each kind of layer in plain NumPy and float64, to check Keras against.

Arrays are those of one sample: `(height, width, channels)`, `(steps, channels)` or `(units,)`.
"""

import math
from collections.abc import Callable

import keras
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.models.families import layers as own_layers, lenet5_1998

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


def forward(layer: keras.Layer, *inputs: np.ndarray) -> np.ndarray | None:
    """Compute a layer's output by NumPy.

    Args:
        layer: A built Keras layer.
        *inputs: What the layer takes, without the batch axis.

    Returns:
        The output, float64; None for a kind of layer or activation that is not in `FORWARD` or
        `ACTIVATIONS`.

    >>> pool = keras.layers.MaxPooling1D(2)
    >>> forward(pool, np.array([[1.0], [3.0], [2.0], [0.0]])).tolist()
    [[3.0], [2.0]]
    """
    rule = next((FORWARD[kind] for kind in type(layer).__mro__ if kind in FORWARD), None)
    if rule is None or numpy_activation(layer) is None:
        return None
    return rule(layer, *(np.asarray(values, "float64") for values in inputs))


def numpy_activation(layer: keras.Layer) -> Callable | None:
    """Return a layer's activation as a NumPy function.

    Args:
        layer: Any Keras layer.

    Returns:
        The function, the identity for a layer without activation; None for an activation that is not
        in `ACTIVATIONS`.
    """
    activation = getattr(layer, "activation", None)
    return ACTIVATIONS.get("linear" if activation is None else getattr(activation, "__name__", ""))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over the last axis.

    Args:
        logits: Any array of floats.

    Returns:
        Probabilities, in the shape of `logits`.
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def extract_patches(maps, size, strides=1, padding="valid", dilation=1, fill=0.0) -> np.ndarray:
    """Return the patch that each place of a convolution or pooling layer reads.

    Args:
        maps: `(*places, channels)`.
        size: Size of the patch: one number, or one for each axis.
        strides: Step between patches: one number, or one for each axis.
        padding: "valid" or "same".
        dilation: Step between the values of a patch: one number, or one for each axis.
        fill: Value of the padding.

    Returns:
        `(*places, channels, *size)`.
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
    places: tuple = (*steps, ..., *(slice(None, None, spread) for spread in dilation))
    return patches[places]


def same_padding(places: int, reach: int, step: int) -> tuple[int, int]:
    """Return how many values `padding="same"` adds before and after an axis.

    Args:
        places: Length of the axis.
        reach: Length of the patch along it, with dilation.
        step: The stride.

    Returns:
        The numbers before and after; an odd value goes after.
    """
    missing = max((math.ceil(places / step) - 1) * step + reach - places, 0)
    return missing // 2, missing - missing // 2


def float64_weights(layer: keras.Layer, *names: str) -> list[np.ndarray]:
    """Return weights of a layer by name.

    Args:
        layer: A built Keras layer.
        *names: Attributes such as "kernel" and "bias".

    Returns:
        Arrays, float64, in the order of the names; 0 for a weight that the layer does not have.
    """
    values = [getattr(layer, name, None) for name in names]
    return [
        np.array(0.0) if value is None else as_numpy(value).astype("float64") for value in values
    ]


def _per_axis(value, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)


def _convolution(layer, maps):
    kernel, bias = float64_weights(layer, "kernel", "bias")
    groups = [
        _correlate(part, part_kernel, layer)
        for part, part_kernel in zip(
            np.split(maps, layer.groups, axis=-1),
            np.split(kernel, layer.groups, axis=-1),
            strict=True,
        )
    ]
    return numpy_activation(layer)(np.concatenate(groups, axis=-1) + bias)


def _correlate(maps, kernel, layer):
    patches = extract_patches(
        maps, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate
    )
    axes = maps.ndim - 1
    channels_first = np.moveaxis(kernel, -2, 0)
    return np.tensordot(patches, channels_first, axes=axes + 1)


def _depthwise(layer, maps):
    kernel, bias = float64_weights(layer, "kernel", "bias")
    patches = extract_patches(
        maps, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate
    )
    outputs = np.einsum("ijcyx,yxcm->ijcm", patches, kernel)
    return numpy_activation(layer)(outputs.reshape(*outputs.shape[:2], -1) + bias)


def _table_convolution(layer, maps):
    kernel, bias = float64_weights(layer, "kernel", "bias")
    connected = lenet5_1998.connected_maps()
    full_kernel = np.zeros((5, 5, *connected.shape))
    full_kernel[:, :, connected] = kernel
    outputs = np.tensordot(extract_patches(maps, 5), np.moveaxis(full_kernel, -2, 0), axes=3)
    return ACTIVATIONS["squash"](outputs + bias)


def _dense(layer, values):
    kernel, bias = float64_weights(layer, "kernel", "bias")
    return numpy_activation(layer)(values @ kernel + bias)


def _max_pooling(layer, maps):
    patches = extract_patches(maps, layer.pool_size, layer.strides, layer.padding, fill=-np.inf)
    return patches.max(axis=tuple(range(maps.ndim, patches.ndim)))


def _average_pooling(layer, maps):
    # The mean leaves padded places out.
    patches = extract_patches(maps, layer.pool_size, layer.strides, layer.padding, fill=np.nan)
    return np.nanmean(patches, axis=tuple(range(maps.ndim, patches.ndim)))


def _global_pooling(reduce):
    def pool(layer, maps):
        return reduce(maps, axis=tuple(range(maps.ndim - 1)), keepdims=layer.keepdims)

    return pool


def _activation(layer, values):
    return numpy_activation(layer)(values)


def _batch_normalization(layer, values):
    mean, variance, gamma, beta = float64_weights(
        layer, "moving_mean", "moving_variance", "gamma", "beta"
    )
    gamma = gamma if layer.scale else 1.0
    return (values - mean) / np.sqrt(variance + layer.epsilon) * gamma + beta


def _relu(layer, values):
    slope, threshold = layer.negative_slope or 0.0, layer.threshold or 0.0
    outputs = np.where(values >= threshold, values, slope * (values - threshold))
    return outputs if layer.max_value is None else np.minimum(outputs, layer.max_value)


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
    coefficient, bias = float64_weights(layer, "coefficient", "bias")
    return ACTIVATIONS["squash"](
        extract_patches(maps, 2, 2).sum(axis=(-1, -2)) * coefficient + bias
    )


def _padded_shortcut(layer, maps):
    maps = maps[:: layer.strides, :: layer.strides]
    return np.pad(maps, [(0, 0), (0, 0), (0, layer.filters - maps.shape[-1])])


def _radial_basis(layer, values):
    return -np.square(values - lenet5_1998.bitmaps()[: layer.classes]).sum(axis=-1)


_keras = keras.layers
FORWARD: dict[type, Callable] = {
    _keras.Conv1D: _convolution,
    _keras.Conv2D: _convolution,
    _keras.DepthwiseConv2D: _depthwise,
    _keras.Dense: _dense,
    _keras.MaxPooling1D: _max_pooling,
    _keras.MaxPooling2D: _max_pooling,
    _keras.AveragePooling1D: _average_pooling,
    _keras.AveragePooling2D: _average_pooling,
    _keras.GlobalAveragePooling1D: _global_pooling(np.mean),
    _keras.GlobalAveragePooling2D: _global_pooling(np.mean),
    _keras.GlobalMaxPooling1D: _global_pooling(np.max),
    _keras.GlobalMaxPooling2D: _global_pooling(np.max),
    _keras.BatchNormalization: _batch_normalization,
    _keras.Activation: _activation,
    _keras.ReLU: _relu,
    _keras.Softmax: lambda layer, values: softmax(values),
    _keras.Flatten: lambda layer, values: values.reshape(-1),
    _keras.Reshape: lambda layer, values: values.reshape(layer.target_shape),
    _keras.Permute: lambda layer, values: values.transpose([axis - 1 for axis in layer.dims]),
    _keras.Dropout: lambda layer, values: values,
    _keras.ZeroPadding1D: _zero_padding,
    _keras.ZeroPadding2D: _zero_padding,
    _keras.Rescaling: lambda layer, values: values * layer.scale + layer.offset,
    _keras.Add: lambda layer, *values: sum(values),
    _keras.Multiply: lambda layer, *values: math.prod(values),
    _keras.Concatenate: lambda layer, *values: np.concatenate(values, axis=-1),
    own_layers.LocalResponseNormalization: _response_normalization,
    own_layers.PaddedShortcut: _padded_shortcut,
    lenet5_1998.Subsampling: _subsampling,
    lenet5_1998.TableConvolution: _table_convolution,
    lenet5_1998.RadialBasis: _radial_basis,
}
