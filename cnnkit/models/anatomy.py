"""What a network is made of: a row a layer, computed from the model alone."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import keras
from keras import layers

from cnnkit.errors import SettingError
from cnnkit.models.receptive_field import TRANSPOSED, Field, field_after

SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
CONVOLUTIONS = (
    layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D,
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One call of one layer, or of a function of keras.ops.

    name: the layer's, after that of the model it is nested in; a further call of a shared layer
    has its number, as in "conv#2". output_shape: without the batch. parameters: all weights; 0 for
    a further call. multiply_adds: products of one forward pass of one sample, of convolutions and
    dense layers, without bias, normalisation and pooling; None where it is not known. field: what
    one output sees of the input (of each alike, where there are several), None where that is not
    known. reads: the names of the rows whose outputs it takes. bytes_per_value: of its output.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    parameters: int
    multiply_adds: int | None
    field: Field | None
    reads: tuple[str, ...]
    bytes_per_value: int

    def activation_bytes(self, batch_size: int = 1) -> int | None:
        """Return the memory of the layer's output, or None where its size is not known."""
        if None in self.output_shape:
            return None
        return math.prod(self.output_shape) * batch_size * self.bytes_per_value


@dataclass(frozen=True)
class Anatomy:
    """A network's rows in the order of a forward pass, and their totals."""

    name: str
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """All weights, each counted once."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int | None:
        """Products of one forward pass of one sample; None where a size is not known."""
        counts = [row.multiply_adds for row in self.rows]
        return None if None in counts else sum(counts)

    def activation_bytes(self, batch_size: int = 1) -> int | None:
        """Return the memory of all outputs, as training keeps them; None where one is not known."""
        sizes = [row.activation_bytes(batch_size) for row in self.rows]
        return None if None in sizes else sum(sizes)

    def row(self, name: str) -> Row:
        """Return the first row of a layer; raises KeyError where there is none."""
        return {row.name: row for row in reversed(self.rows)}[name]


def anatomy(model: keras.Model) -> Anatomy:
    """Return the anatomy of a functional or Sequential model, with branches and nested models.

    A nested model that is written as a class is one row, for it has no graph to look into. Raises
    SettingError where the model itself has none.
    """
    graph = _graph(model)
    if graph is None:
        raise SettingError(
            f"The model {model.name!r} has no graph of layers to read: it is not built yet, or "
            "written as a class; keras.Model(image, model.call(image)) with a keras.Input makes one."
        )
    fields = [Field.of_input(max(len(tensor.shape) - 2, 0)) for tensor in graph.inputs]
    calls = {}
    return Anatomy(model.name, tuple(_rows(graph, "", fields, [None] * len(fields), calls, [])))


def _rows(
    graph, prefix: str, fields: list, sources: list, calls: dict, found: list
) -> Iterator[Row]:
    """Yield the rows of one call of a model; leaves (field, source) of its outputs in `found`.

    fields, sources: of the model's inputs; the source is the name of the row a tensor comes from.
    calls: how often each layer was called so far, over all nested models.
    """
    known = dict(zip(map(id, graph.inputs), zip(fields, sources, strict=True), strict=True))
    for operation, inputs, outputs in _calls(graph):
        before = [known[id(tensor)] for tensor in inputs]
        inner = _graph(operation)
        if inner is not None:
            results = []
            own = [list(each) for each in zip(*before, strict=True)]
            yield from _rows(inner, f"{prefix}{operation.name}/", *own, calls, results)
        elif isinstance(operation, layers.InputLayer) and known[id(outputs[0])][1]:
            continue  # a nested model's input is its caller's row
        else:
            if isinstance(operation, layers.InputLayer):
                before = []
                field = known[id(outputs[0])][0]
            else:
                shapes = [tuple(tensor.shape) for tensor in inputs]
                field = field_after(operation, [field for field, _ in before], shapes)
            reads = tuple(source for _, source in before if source)
            row = _row(operation, prefix, inputs, outputs, field, reads, calls)
            results = [(field, row.name)] * len(outputs)
            yield row
        known.update(zip(map(id, outputs), results, strict=True))
    found.extend(known[id(tensor)] for tensor in graph.outputs)


def _row(operation, prefix, inputs, outputs, field, reads, calls) -> Row:
    count = calls[id(operation)] = calls.get(id(operation), 0) + 1
    is_layer = isinstance(operation, keras.Layer)
    return Row(
        name=prefix + operation.name + (f"#{count}" if count > 1 else ""),
        kind=type(operation).__name__,
        output_shape=tuple(outputs[0].shape[1:]),
        parameters=operation.count_params() if is_layer and count == 1 else 0,
        multiply_adds=_multiply_adds(operation, inputs, outputs[0]) if is_layer else 0,
        field=field,
        reads=reads,
        # float32, bfloat16, uint8; bool has no number.
        bytes_per_value=int(re.sub(r"\D", "", outputs[0].dtype) or 8) // 8,
    )


def _graph(model):
    """Return what holds the nodes of a functional or Sequential model; None for anything else."""
    graph = getattr(model, "_functional", model)
    return graph if hasattr(graph, "_nodes_by_depth") else None


def _calls(graph) -> Iterator[tuple]:
    """Yield (operation, input tensors, output tensors) of every call, in forward order."""
    # Keras has no public way through a functional model's graph but its serialised form, which
    # knows no shapes.
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            yield node.operation, node.input_tensors, node.outputs


def _multiply_adds(layer: keras.Layer, inputs: list, output) -> int | None:
    if hasattr(layer, "count_multiply_adds"):
        return layer.count_multiply_adds()
    inner = layer.layer if isinstance(layer, layers.TimeDistributed) else layer
    if isinstance(inner, layers.Embedding):
        return 0
    if isinstance(inner, SEPARABLE):
        # As a depthwise convolution, whose output has places of the same number, and a 1 x 1 one.
        kernels = [inner.depthwise_kernel, inner.pointwise_kernel]
    elif isinstance(inner, (*CONVOLUTIONS, *TRANSPOSED, layers.Dense)):
        kernels = [inner.kernel]
    else:
        # A matrix means products, of a number that only its layer knows.
        return None if any(len(weight.shape) > 1 for weight in inner.weights) else 0
    tensor = inputs[0] if isinstance(inner, TRANSPOSED) else output
    channels_first = getattr(inner, "data_format", None) == "channels_first"
    places = tensor.shape[2:] if channels_first else tensor.shape[1:-1]
    if None in places:
        return None
    return math.prod(places) * sum(math.prod(kernel.shape) for kernel in kernels)
