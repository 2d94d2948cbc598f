"""Reach into any Keras model: its layers by path, what each of them takes and gives, and hooks.

A hook replaces a layer's `call` while a `with` block lasts. That reaches layers of nested and
subclassed models too, and of every backend, where cutting a model at an inner tensor does not:
Keras answers that "Output ... is not connected to inputs".
"""

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.keras_graph.compilation import compile_function, dry_run

REORDERING = (keras.layers.Permute, keras.layers.Reshape)


@dataclass(frozen=True)
class Call:
    """One call of a layer that has no layers inside.

    path: its name, after those of the models it is nested in: "backbone/conv1". reads: which
    earlier calls, by number, made what it takes; inputs, output: the tensors it took, and the first
    one it gave, with the batch axis.
    """

    path: str
    layer: keras.Layer
    reads: tuple[int, ...]
    inputs: tuple
    output: object


def innermost_layers(model: keras.Model, prefix: str = "") -> dict[str, keras.Layer]:
    """Return the layers that are no models themselves, by path; inputs are left out."""
    found = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found |= innermost_layers(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer):
            found[prefix + layer.name] = layer
    return found


def find_layer(model: keras.Model, name: str, among: list[str] | None = None) -> str:
    """Return the path of a layer, which may be given by its last part alone where that is unique.

    among: the paths that would do; without them, all. Raises UnknownNameError with the nearest
    ones, and SettingError where the layer exists but is not among them.
    """
    paths = list(innermost_layers(model))
    matches = [path for path in paths if path == name] or [
        path for path in paths if path.rpartition("/")[2] == name
    ]
    if not matches:
        raise UnknownNameError(f"layer in model {model.name!r}", name, paths)
    if len(matches) > 1:
        raise SettingError(f"Several layers are called {name!r}; give one of {', '.join(matches)}.")
    if among is not None and matches[0] not in among:
        raise SettingError(f"Layer {name!r} does not do here; these do: {_some(among)}.")
    return matches[0]


@contextmanager
def hooked(hooks: dict[keras.Layer, Callable]) -> Iterator[None]:
    """Let each layer's `call` be `hook(call, *arguments, **options)` inside the block.

    Not for several threads at a time: a layer is changed for everybody who holds it.
    """
    with ExitStack() as undo:
        for layer, hook in hooks.items():
            undo.enter_context(replaced(layer, "call", _around(layer.call, hook)))
        yield


@contextmanager
def replaced(layer: keras.Layer, attribute: str, value) -> Iterator[None]:
    """Give a layer another attribute inside the block; Keras does not track it."""
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


def trace(model: keras.Model, batch: np.ndarray) -> list[Call]:
    """Return the calls of all innermost layers for one batch, in the order of the forward pass.

    Inputs and outputs are NumPy arrays.
    """
    notes: list[Call] = []

    def tensors(values):
        notes[:] = calls = _calls(model, values)
        return [(call.inputs, call.output) for call in calls]

    arrays = compile_function(tensors, repeated=False)(ops.convert_to_tensor(batch))
    arrays = keras.tree.map_structure(ops.convert_to_numpy, arrays)
    return [
        replace(call, inputs=tuple(inputs), output=output)
        for call, (inputs, output) in zip(notes, arrays, strict=True)
    ]


def reader(model: keras.Model, paths: list[str]) -> Callable:
    """Return a function from a batch to the outputs of layers, as a tuple of tensors."""
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
        return tuple(outputs[path] for path in paths)

    return read


def map_shapes(model: keras.Model, batch: np.ndarray) -> dict[str, tuple[int, ...]]:
    """Return the shape (height, width, channels) of every feature map of an image, by path.

    Of sequences, (steps, channels). Maps of a single place, as after global pooling, are left out,
    and what only has its axes in another order.
    Raises SettingError where there are none.
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
        if len(shape) == batch.ndim - 1 and math.prod(shape[:-1]) > 1
    }
    if not shapes:
        raise SettingError(
            f"Model {model.name!r} has no layer with feature maps, such as a convolution or a "
            "pooling, and this view needs one; gradient, occlusion and rise do without."
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
            if not any(first is value for value in inputs):  # dropout gives what it took
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
