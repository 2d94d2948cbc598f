"""Look inside any Keras model: layers by path, what each of them reads and returns, and hooks.

A hook replaces a layer's `call` while a `with` block runs. That reaches layers of nested and
subclassed models too, on every backend. Cutting a model at an inner tensor does not: Keras answers
that "Output ... is not connected to inputs".
"""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.keras_graph.arrays import as_numpy, in_float32
from cnnkit.keras_graph.compilation import compile_function, dry_run

REORDERING = (keras.layers.Permute, keras.layers.Reshape)


@dataclass(frozen=True)
class Call:
    """One call of a layer that has no layers inside.

    Attributes:
        path: The layer's name, after those of the models it is nested in, such as "backbone/conv1".
        layer: The layer.
        reads: Which earlier calls, by number, made this call's inputs.
        inputs: The tensors it took, with a batch axis.
        output: The first tensor it returned, with a batch axis.
    """

    path: str
    layer: keras.Layer
    reads: tuple[int, ...]
    inputs: tuple
    output: Any


def innermost_layers(model: keras.Model, prefix: str = "") -> dict[str, keras.Layer]:
    """Return the layers that are not models themselves, by path.

    Args:
        model: Any Keras model. Input layers are left out.
        prefix: Put before each path.

    Returns:
        A dictionary from path to layer, in the order of `model.layers`.
    """
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= innermost_layers(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer):
            found[prefix + layer.name] = layer
    return found


def find_layer(model: keras.Model, name: str, allowed: list[str] | None = None) -> str:
    """Return the path of a layer.

    Args:
        model: Any Keras model.
        name: The layer's path, or its name alone if only one layer has it.
        allowed: The paths to choose from; None for all.

    Returns:
        The path, such as "backbone/conv1".

    Raises:
        UnknownNameError: The model has no such layer; names the nearest ones.
        SettingError: The layer exists but is not allowed, or several layers have this name.
    """
    paths = list(innermost_layers(model))
    matches = [path for path in paths if path == name] or [
        path for path in paths if path.rpartition("/")[2] == name
    ]
    if not matches:
        raise UnknownNameError(f"layer in model {model.name!r}", name, paths)
    if len(matches) > 1:
        raise SettingError(
            f"Several layers are called {name!r}; name one by its path: {', '.join(matches)}."
        )
    if allowed is not None and matches[0] not in allowed:
        raise SettingError(f"Layer {name!r} cannot be used here; use one of {_some(allowed)}.")
    return matches[0]


@contextmanager
def hooked(hooks: dict[keras.Layer, Callable]) -> Iterator[None]:
    """Replace each layer's `call` by `hook(call, *arguments, **options)` inside the block.

    Not thread-safe: the layer changes for everyone who holds it.

    Args:
        hooks: The hook of each layer.
    """
    with ExitStack() as undo:
        for layer, hook in hooks.items():
            undo.enter_context(replaced(layer, "call", _around(layer.call, hook)))
        yield


@contextmanager
def replaced(layer: keras.Layer, attribute: str, value) -> Iterator[None]:
    """Replace an attribute of a layer inside the block; Keras does not track the new value.

    Args:
        layer: The layer to change.
        attribute: Name of the attribute.
        value: Its value inside the block.
    """
    attributes = vars(layer)
    missing = object()
    before = attributes.get(attribute, missing)
    attributes[attribute] = value
    try:
        yield
    finally:
        if before is missing:
            del attributes[attribute]
        else:
            attributes[attribute] = before


def trace_calls(model: keras.Model, batch: np.ndarray) -> list[Call]:
    """Run a model on a batch and return the calls of its innermost layers.

    Args:
        model: Any Keras model.
        batch: What the model takes, with a batch axis.

    Returns:
        The calls in the order of the forward pass. Inputs and outputs are NumPy arrays.
    """
    notes: list[Call] = []

    def tensors(values):
        notes[:] = calls = _calls(model, values)
        return [(call.inputs, call.output) for call in calls]

    arrays = compile_function(tensors, repeated=False)(ops.convert_to_tensor(batch))
    arrays = keras.tree.map_structure(as_numpy, arrays)
    return [
        replace(call, inputs=tuple(inputs), output=output)
        for call, (inputs, output) in zip(notes, arrays, strict=True)
    ]


def feature_extractor(model: keras.Model, paths: list[str]) -> Callable:
    """Return a function from a batch to the outputs of some layers.

    Args:
        model: Any Keras model.
        paths: The layers' paths.

    Returns:
        A function from a batch tensor to a tuple of tensors, one for each path, float32.
    """
    layers = innermost_layers(model)

    def read(batch):
        outputs = {}

        def keep(path):
            def hook(call, *arguments, **options):
                outputs[path] = call(*arguments, **options)
                return outputs[path]

            return hook

        with hooked({layers[path]: keep(path) for path in paths}):
            model(batch, training=False)
        return tuple(in_float32(outputs[path]) for path in paths)

    return read


def feature_map_shapes(model: keras.Model, batch: np.ndarray) -> dict[str, tuple[int, ...]]:
    """Return the shape of each layer's feature maps.

    Maps of a single place, as after global pooling, are left out, and so are the outputs of layers
    that only reorder axes.

    Args:
        model: Any Keras model.
        batch: What the model takes, with a batch axis; only the first sample is used.

    Returns:
        `(height, width, channels)` by path; for sequences `(steps, channels)`, also where an input is
        `(steps,)`, as of texts and sounds.

    Raises:
        SettingError: No layer has feature maps.
    """
    shapes = {}

    def note(values):
        calls = [call for call in _calls(model, values) if not isinstance(call.layer, REORDERING)]
        shapes.update({call.path: tuple(call.output.shape[1:]) for call in calls})
        return values

    dry_run(note, batch[:1])
    shapes = {
        path: shape
        for path, shape in shapes.items()
        if len(shape) == max(batch.ndim - 1, 2) and math.prod(shape[:-1]) > 1
    }
    if not shapes:
        raise SettingError(
            f"Model {model.name!r} has no layer with feature maps (a convolution or pooling layer), "
            "and this view needs one. gradient, occlusion and rise work without."
        )
    return shapes


def _calls(model: keras.Model, tensor) -> list[Call]:
    calls = []
    makers = {}  # of a tensor, by its identity

    def recording(path, layer):
        def record(call, *arguments, **options):
            output = call(*arguments, **options)
            inputs = tuple(keras.tree.flatten(arguments[0] if arguments else ()))
            first = keras.tree.flatten(output)[0]
            reads = tuple(makers[id(value)] for value in inputs if id(value) in makers)
            if not any(first is value for value in inputs):  # Dropout returns its input
                makers[id(first)] = len(calls)
            calls.append(Call(path, layer, reads, inputs, first))
            return output

        return record

    layers = innermost_layers(model)
    with hooked({layer: recording(path, layer) for path, layer in layers.items()}):
        model(tensor, training=False)
    return calls


def _around(call: Callable, hook: Callable) -> Callable:
    def hooked_call(*arguments, **options):
        return hook(call, *arguments, **options)

    return hooked_call


def _some(names: list[str], most: int = 12) -> str:
    return ", ".join(names[-most:]) + (f" and {len(names) - most} before" * (len(names) > most))
