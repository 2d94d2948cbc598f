"""Functions of keras.ops in a model's graph as the explorer's page computes them."""

import keras
import numpy as np

from cnnkit.explorer import activation_rules
from cnnkit.explorer.layer_rules import constant
from cnnkit.keras_graph.walk import LayerCall

MERGES = {
    "Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Divide": "divide",
    "TrueDivide": "divide", "Power": "power", "Maximum": "maximum", "Minimum": "minimum",
}  # fmt: skip
REDUCTIONS = {
    "Sum": "sum",
    "Mean": "mean",
    "Max": "max",
    "Amax": "max",
    "Min": "min",
    "Amin": "min",
}
UNCHANGED = (
    "Reshape", "Flatten", "Ravel", "ExpandDims", "Squeeze", "StopGradient", "Cast", "ConvertToTensor",
)  # fmt: skip


def rule(call: LayerCall) -> dict | None:
    """Return how the page computes the call of a function.

    Args:
        call: A call of a `keras.Operation` that is no layer.

    Returns:
        The layer's configuration in the document; None if the page cannot compute it.
    """
    operation, rank = call.operation, len(call.inputs[0].shape)
    name = type(operation).__name__
    if name in MERGES:
        return _merging(call, MERGES[name])
    if name in REDUCTIONS:
        return _reduction(operation, REDUCTIONS[name], rank)
    if name in UNCHANGED:
        return {"arithmetic": "same_values"} if _keeps_batch(call) else None
    if name == "GetItem":
        return _slicing(call)
    if name in ("Concatenate", "Stack"):
        axis = operation.axis % len(call.outputs[0].shape)
        return {"arithmetic": "concatenation", "axis": axis - 1} if axis else None
    if name == "Transpose":
        axes = list(operation.axes or range(rank)[::-1])
        moved = [axis % rank - 1 for axis in axes]
        return {"arithmetic": "permutation", "axes": moved[1:]} if moved[0] == -1 else None
    return activation_rules.of_operation(operation, rank)


def _keeps_batch(call: LayerCall) -> bool:
    """Whether the first axis is still that of the batch, and values of floats stay as they are."""
    output = call.outputs[0]
    return output.shape[0] == call.inputs[0].shape[0] and "float" in str(output.dtype)


def _merging(call: LayerCall, function: str) -> dict | None:
    arguments = [*call.positional, *call.keywords.values()]
    places = {id(tensor): index for index, tensor in enumerate(call.inputs)}
    rank = max(len(tensor.shape) for tensor in call.inputs)
    operands = []
    for argument in arguments:
        if isinstance(argument, keras.KerasTensor):
            if len(argument.shape) != rank:
                return None  # its batch axis would meet another axis
            operands.append({"input": places[id(argument)]})
            continue
        values = np.asarray(keras.ops.convert_to_numpy(argument), np.float64)
        if values.ndim == rank:
            if values.shape[0] != 1:
                return None
            values = values[0]
        operands.append(constant(values))
    return {"arithmetic": "merging", "function": function, "operands": operands}


def _reduction(operation, function: str, rank: int) -> dict | None:
    axis = operation.axis
    if axis is None:
        return None
    axes = [each % rank - 1 for each in ((axis,) if isinstance(axis, int) else axis)]
    return (
        {"arithmetic": "reduction", "function": function, "axes": axes} if -1 not in axes else None
    )


def _slicing(call: LayerCall) -> dict | None:
    """Return an index as (first, step, count) of each axis of the input."""
    shape = call.inputs[0].shape
    key = call.positional[1] if len(call.positional) > 1 else call.keywords.get("key")
    keys = list(key) if isinstance(key, (tuple, list)) else [key]
    if any(not isinstance(each, (int, slice, type(None), type(Ellipsis))) for each in keys):
        return None
    if Ellipsis not in keys:
        keys.append(Ellipsis)
    place = keys.index(Ellipsis)
    missing = len(shape) - sum(each is not None and each is not Ellipsis for each in keys)
    keys[place : place + 1] = [slice(None)] * missing
    keys = [each for each in keys if each is not None]
    if keys[0] != slice(None) or not _keeps_batch(call):
        return None
    slices = [_positions(each, size) for each, size in zip(keys[1:], shape[1:], strict=True)]
    return {"arithmetic": "slicing", "slices": slices}


def _positions(key, size: int) -> list[int]:
    if isinstance(key, int):
        return [key % size, 1, 1]
    found = range(size)[key]
    return [found.start, found.step, len(found)]
