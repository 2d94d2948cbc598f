"""What a network is made of: a row a layer, computed from the model alone."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
from keras import layers

from cnnkit.errors import SettingError
from cnnkit.keras_graph.walk import LayerCall, has_graph, layer_calls
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
        values = _combined(math.prod, self.output_shape)
        return None if values is None else values * batch_size * self.bytes_per_value


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
        return _combined(sum, [row.multiply_adds for row in self.rows])

    def activation_bytes(self, batch_size: int = 1) -> int | None:
        """Return the memory of all outputs, as training keeps them; None where one is not known."""
        return _combined(sum, [row.activation_bytes(batch_size) for row in self.rows])

    def row(self, name: str) -> Row:
        """Return the first row of a layer; raises KeyError where there is none."""
        return {row.name: row for row in reversed(self.rows)}[name]


def anatomy(model: keras.Model) -> Anatomy:
    """Return the anatomy of a functional or Sequential model, with branches and nested models.

    A nested model that is written as a class is one row, for it has no graph to look into. Raises
    SettingError where the model itself has none.
    """
    if not has_graph(model):
        raise SettingError(
            f"The model {model.name!r} has no graph of layers to read: it is not built yet, or "
            "written as a class; keras.Model(image, model.call(image)) with a keras.Input makes one."
        )
    rows, times_called = [], Counter()
    for call in layer_calls(model, nested=True):
        read = [rows[index] for index in call.sources]
        times_called[id(call.operation)] += 1
        rows.append(_row(call, read, times_called[id(call.operation)]))
    return Anatomy(model.name, tuple(rows))


def _combined(function: Callable[[list[int]], int], sizes: Sequence[int | None]) -> int | None:
    """Return the function of all sizes, or None where one is not known."""
    known = [size for size in sizes if size is not None]
    return function(known) if len(known) == len(sizes) else None


def _row(call: LayerCall, read: list[Row], number: int) -> Row:
    operation, output = call.operation, call.outputs[0]
    is_layer = isinstance(operation, keras.Layer)
    if call.is_input:
        field: Field | None = Field.of_input(max(len(output.shape) - 2, 0))
    else:
        shapes = [tuple(tensor.shape) for tensor in call.inputs]
        field = field_after(operation, [row.field for row in read], shapes)
    return Row(
        name=call.path + (f"#{number}" if number > 1 else ""),
        kind=type(operation).__name__,
        output_shape=tuple(output.shape[1:]),
        parameters=operation.count_params() if is_layer and number == 1 else 0,
        multiply_adds=_multiply_adds(operation, call.inputs, output) if is_layer else 0,
        field=field,
        reads=tuple(row.name for row in read),
        # float32, bfloat16, uint8; bool has no number.
        bytes_per_value=int(re.sub(r"\D", "", output.dtype) or 8) // 8,
    )


def _multiply_adds(layer: keras.Layer, inputs: Sequence, output) -> int | None:
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
