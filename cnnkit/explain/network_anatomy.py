"""What a network is made of: a row a layer, computed from the model alone."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import keras

from cnnkit.explain.receptive_field import Field, field_after

CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)


@dataclass(frozen=True)
class Row:
    """One call of one layer.

    name: the layer's, after that of the model it is nested in. output_shape: without the batch.
    parameters: all weights; 0 for a further call of a shared layer. multiply_adds: products of one
    forward pass of one sample, of convolutions and dense layers, without bias, normalisation and
    pooling; None where the layer's size is not known. field: what one output sees of the input, None
    where that is not known. reads: the names of the rows whose outputs it takes.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    parameters: int
    multiply_adds: int | None
    field: Field | None
    reads: tuple[str, ...]

    def activation_bytes(self, batch_size: int = 1, bytes_per_value: int = 4) -> int | None:
        """Return the memory of the layer's output, or None where its size is not known."""
        if None in self.output_shape:
            return None
        return math.prod(self.output_shape) * batch_size * bytes_per_value


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
    """Return the anatomy of any built Keras model of one input, with branches and nested models."""
    return Anatomy(model.name, tuple(_Reader(model).rows(model, "")))


class _Reader:
    """Walks through a model's calls, and remembers of every tensor its field and its row."""

    def __init__(self, model: keras.Model):
        # A tensor is known by its identity: nested models have tensors of their own.
        self.fields = {id(model.inputs[0]): Field.of_input(len(model.inputs[0].shape) - 2)}
        self.sources: dict[int, str] = {}
        self.counted: set[int] = set()

    def rows(self, model: keras.Model, prefix: str) -> Iterator[Row]:
        for layer, inputs, outputs in _calls(model):
            if isinstance(layer, keras.Model):
                self._rename(inputs, layer.inputs)
                yield from self.rows(layer, f"{prefix}{layer.name}/")
                self._rename(layer.outputs, outputs)
            elif id(outputs[0]) not in self.sources:  # a nested model's input is its caller's row
                yield self._row(prefix + layer.name, layer, inputs, outputs)

    def _row(self, name: str, layer: keras.Layer, inputs: list, outputs: list) -> Row:
        fields = [self.fields.get(id(tensor)) for tensor in inputs]
        field = field_after(layer, fields, inputs) if inputs else self.fields.get(id(outputs[0]))
        reads = tuple(self.sources[id(tensor)] for tensor in inputs if id(tensor) in self.sources)
        for tensor in outputs:
            self.fields[id(tensor)], self.sources[id(tensor)] = field, name
        first_call = id(layer) not in self.counted
        self.counted.add(id(layer))
        return Row(
            name=name,
            kind=type(layer).__name__,
            output_shape=tuple(outputs[0].shape[1:]),
            parameters=layer.count_params() if first_call else 0,
            multiply_adds=_multiply_adds(layer, outputs[0]),
            field=field,
            reads=reads,
        )

    def _rename(self, known: list, same: list) -> None:
        for one, other in zip(known, same, strict=True):
            self.fields[id(other)] = self.fields.get(id(one))
            self.sources[id(other)] = self.sources.get(id(one), "")


def _calls(model: keras.Model) -> Iterator[tuple]:
    """Yield (layer, input tensors, output tensors) of every call, in the order of a forward pass."""
    # Keras has no public way through a functional model's graph but its serialised form, which
    # knows no shapes.
    functional = model._functional if isinstance(model, keras.Sequential) else model
    for depth in sorted(functional._nodes_by_depth, reverse=True):
        for node in functional._nodes_by_depth[depth]:
            if isinstance(node.operation, keras.Layer):
                yield node.operation, node.input_tensors, node.outputs


def _multiply_adds(layer, output) -> int | None:
    if hasattr(layer, "count_multiply_adds"):
        return layer.count_multiply_adds()
    kernels = _kernels(layer)
    if not kernels:
        return 0
    if None in output.shape[1:]:
        return None
    places = math.prod(output.shape[1:-1])
    return places * sum(math.prod(kernel.shape) for kernel in kernels)


def _kernels(layer) -> list:
    """Return the kernels whose every value is multiplied once at every place of the output."""
    if isinstance(layer, (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)):
        return [layer.depthwise_kernel, layer.pointwise_kernel]
    known = (*CONVOLUTIONS, *DEPTHWISE, keras.layers.Dense)
    return [layer.kernel] if isinstance(layer, known) else []
