"""One unit of a layer: how its value comes about, and where that value goes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import keras
import numpy as np

from cnnkit.explain import numpy_forward
from cnnkit.explain.numpy_forward import extract_patches

POOLINGS = (
    keras.layers.MaxPooling1D, keras.layers.MaxPooling2D,
    keras.layers.AveragePooling1D, keras.layers.AveragePooling2D,
)  # fmt: skip
ELEMENTWISE = (
    keras.layers.Activation, keras.layers.ReLU, keras.layers.BatchNormalization,
    keras.layers.Dropout, keras.layers.Rescaling,
)  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """One value of a convolution or dense layer, and every number it is made of.

    All numbers are float64.

    Attributes:
        layer: Path of the layer.
        filter_index: The filter, or the unit of a dense layer.
        position: `(row, column)` in the filter's map; `()` for a dense layer.
        patch: What the unit reads, with zeros for padding: `(height, width, channels)`,
            `(steps, channels)` or `(inputs,)`.
        kernel: The weights, in the shape of `patch`.
        products: `patch * kernel`.
        weighted_sum: The sum of the products.
        bias: The filter's bias; 0 for a layer without bias.
        pre_activation: `weighted_sum + bias`.
        activation: Name of the activation function.
        value: The unit's output, after the activation.
    """

    layer: str
    filter_index: int
    position: tuple[int, ...]
    patch: np.ndarray
    kernel: np.ndarray
    products: np.ndarray
    weighted_sum: float
    bias: float
    pre_activation: float
    activation: str
    value: float


@dataclass(frozen=True)
class PathStep:
    """Where a unit's value lands in the output of a later layer.

    Attributes:
        layer: Path of that layer.
        kind: Its class name.
        index: Index into that layer's output, without the batch axis.
        window: The values that a pooling layer combines there, row by row; None for other layers.
        value: The output at `index`.
    """

    layer: str
    kind: str
    index: tuple[int, ...]
    window: np.ndarray | None
    value: float


def layer_patches(layer: keras.Layer, inputs: np.ndarray, group: int = 0) -> np.ndarray:
    """Return the patch that each unit of a layer reads.

    Args:
        layer: A Conv1D, Conv2D or Dense layer.
        inputs: What the layer reads, without the batch axis.
        group: The group of channels, for a grouped convolution.

    Returns:
        `(*places, *kernel_size, channels)`; for a dense layer the inputs themselves.
    """
    if isinstance(layer, keras.layers.Dense):
        return inputs
    channels = np.split(inputs, layer.groups, axis=-1)[group]
    patches = extract_patches(
        channels, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate
    )
    return np.moveaxis(patches, channels.ndim - 1, -1)


def filter_group(layer: keras.Layer, filter_index: int) -> int:
    """Return the group of channels that a filter reads.

    Args:
        layer: A convolution or dense layer.
        filter_index: The filter.

    Returns:
        The group's index; 0 for a layer without groups.
    """
    groups = getattr(layer, "groups", 1)
    return filter_index * groups // layer.kernel.shape[-1]


def compute_unit(
    path: str,
    layer: keras.Layer,
    inputs: np.ndarray,
    *,
    filter_index: int,
    position: tuple[int, ...],
) -> Unit:
    """Compute one unit of a layer from the layer's inputs, by NumPy.

    Args:
        path: The layer's path.
        layer: A Conv1D, Conv2D or Dense layer.
        inputs: What the layer reads, without the batch axis, float64.
        filter_index: The filter or unit.
        position: `(row, column)` in the filter's map; `()` for a dense layer.

    Returns:
        The unit with every number that its value is made of.
    """
    patch = layer_patches(layer, inputs, filter_group(layer, filter_index))[position]
    kernels, biases = numpy_forward.float64_weights(layer, "kernel", "bias")
    kernel = kernels[..., filter_index]
    products = patch * kernel
    bias = float(biases[filter_index]) if np.ndim(biases) else 0.0
    pre_activation = float(products.sum()) + bias
    # Steps without an activation are passed over.
    activation = cast(Callable, numpy_forward.numpy_activation(layer))
    return Unit(
        layer=path,
        filter_index=filter_index,
        position=position,
        patch=patch,
        kernel=kernel,
        products=products,
        weighted_sum=float(products.sum()),
        bias=bias,
        pre_activation=pre_activation,
        activation=getattr(layer.activation, "__name__", "linear"),
        value=float(activation(np.float64(pre_activation))),
    )


def follow_unit(steps: list, start: int, index: tuple[int, ...]) -> list[PathStep]:
    """Return where a value of a layer's output goes in the layers that follow.

    The path ends before the first layer that mixes the value with others (a convolution or a dense
    layer), or that drops it.

    Args:
        steps: The `Step` objects of a walkthrough.
        start: Number of the step whose output holds the value.
        index: Index into that output, without the batch axis.

    Returns:
        One entry for each layer on the path.
    """
    path = []
    step = steps[start]
    while (
        step := next((other for other in steps if step.number in other.reads), None)
    ) is not None:
        landing = _landing(step, index)
        if landing is None:
            break
        index, window = landing
        path.append(PathStep(step.path, step.kind, index, window, float(step.output[index])))
    return path


def _landing(step, index):
    """Return (index in the step's output, pooling window or None); None where the path ends."""
    layer = step.layer
    if isinstance(layer, ELEMENTWISE):
        return index, None
    if isinstance(layer, keras.layers.Flatten):
        return (int(np.ravel_multi_index(index, step.inputs[0].shape)),), None
    if not isinstance(layer, POOLINGS):
        return None
    maps = step.inputs[0]
    axes = maps.ndim - 1
    before = [0] * axes
    if layer.padding == "same":
        before = [
            numpy_forward.same_padding(size, n, s)[0]
            for size, n, s in zip(maps.shape, layer.pool_size, layer.strides, strict=False)
        ]
    places = zip(index, before, layer.strides, step.output.shape, strict=False)
    target = tuple(min((i + b) // s, size - 1) for i, b, s, size in places)
    inside = [
        target[axis] * layer.strides[axis] - before[axis] + layer.pool_size[axis] > index[axis]
        for axis in range(axes)
    ]
    if not all(inside):  # padding="valid" leaves out this border
        return None
    fill = -np.inf if "Max" in step.kind else np.nan
    patches = extract_patches(maps, layer.pool_size, layer.strides, layer.padding, fill=fill)
    return (*target, index[-1]), patches[(*target, index[-1])]
