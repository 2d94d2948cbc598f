"""One unit of a network: how its value comes about, and what becomes of it."""

from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.explain import numpy_forward
from cnnkit.explain.numpy_forward import windows

POOLINGS = (
    keras.layers.MaxPooling1D, keras.layers.MaxPooling2D,
    keras.layers.AveragePooling1D, keras.layers.AveragePooling2D,
)  # fmt: skip
PLACE_BY_PLACE = (
    keras.layers.Activation, keras.layers.ReLU, keras.layers.BatchNormalization,
    keras.layers.Dropout, keras.layers.Rescaling,
)  # fmt: skip


@dataclass(frozen=True)
class Unit:
    """One value of a convolution or dense layer, and every number it is made of; all float64.

    filter, position: which one: the map, and the place in it, (row, column); () for a dense layer.
    patch, kernel, products: what it reads, what it weighs this with, and patch * kernel, with
        zeros for padding: (height, width, channels), (steps, channels) or (inputs,).
    total: the sum of the products; before: that plus the bias; value: after the activation.
    """

    layer: str
    filter: int
    position: tuple[int, ...]
    patch: np.ndarray
    kernel: np.ndarray
    products: np.ndarray
    total: float
    bias: float
    before: float
    activation: str
    value: float


@dataclass(frozen=True)
class Stop:
    """Where a unit's value lands in the output of a later layer.

    index: of the landing place in that layer's output, without batch. window: the values that a
        pooling takes together there, row by row; None for other layers. value: the output there.
    """

    layer: str
    kind: str
    index: tuple[int, ...]
    window: np.ndarray | None
    value: float


def patches_of(layer: keras.Layer, inputs: np.ndarray, group: int = 0) -> np.ndarray:
    """Return what every place of a layer reads: (*places, *kernel, channels); (inputs,) if dense.

    group: which part of the channels, for a convolution in groups.
    """
    if isinstance(layer, keras.layers.Dense):
        return inputs
    channels = np.split(inputs, layer.groups, axis=-1)[group]
    patches = windows(
        channels, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate
    )
    return np.moveaxis(patches, channels.ndim - 1, -1)


def group_of(layer: keras.Layer, filter: int) -> int:
    """Return which group of channels a filter reads; 0 where there are no groups."""
    groups = getattr(layer, "groups", 1)
    return filter * groups // layer.kernel.shape[-1]


def unit(path: str, layer: keras.Layer, inputs: np.ndarray, filter: int, position: tuple) -> Unit:
    """Return one unit of a Conv1D, Conv2D or Dense layer, from the layer's inputs by NumPy."""
    patch = patches_of(layer, inputs, group_of(layer, filter))[position]
    kernels, biases = numpy_forward.weights(layer, "kernel", "bias")
    kernel = kernels[..., filter]
    products = patch * kernel
    bias = float(biases[filter]) if np.ndim(biases) else 0.0
    before = float(products.sum()) + bias
    activate = numpy_forward.activation_of(layer)
    return Unit(
        layer=path,
        filter=filter,
        position=position,
        patch=patch,
        kernel=kernel,
        products=products,
        total=float(products.sum()),
        bias=bias,
        before=before,
        activation=getattr(layer.activation, "__name__", "linear"),
        value=float(activate(np.float64(before))),
    )


def follow(steps: list, start: int, index: tuple[int, ...]) -> list[Stop]:
    """Return where the value at an index of a step's output goes, up to where it is mixed.

    steps: those of a walkthrough. The path ends at the first layer that reads it together with
    others and weighs them (a convolution, a dense layer), or that leaves it out.
    """
    stops = []
    step = steps[start]
    while (
        step := next((other for other in steps if step.number in other.reads), None)
    ) is not None:
        landed = _land(step, index)
        if landed is None:
            break
        index, window = landed
        stops.append(Stop(step.path, step.kind, index, window, float(step.output[index])))
    return stops


def _land(step, index):
    """Return (index in the output, window or None) of one step, None where the path ends."""
    layer = step.layer
    if isinstance(layer, PLACE_BY_PLACE):
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
    landing = tuple(min((i + b) // s, size - 1) for i, b, s, size in places)
    inside = [
        landing[axis] * layer.strides[axis] - before[axis] + layer.pool_size[axis] > index[axis]
        for axis in range(axes)
    ]
    if not all(inside):  # the border that "valid" leaves out
        return None
    fill = -np.inf if "Max" in step.kind else np.nan
    patches = windows(maps, layer.pool_size, layer.strides, layer.padding, fill=fill)
    return (*landing, index[-1]), patches[(*landing, index[-1])]
