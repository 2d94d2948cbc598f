"""What a network is made of: a row a layer, computed from the model alone."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers

from cnnkit.errors import SettingError
from cnnkit.keras_graph.deferred_variables import shapes_alone
from cnnkit.keras_graph.walk import LayerCall, has_graph, layer_calls
from cnnkit.models import catalogue
from cnnkit.models.receptive_field import TRANSPOSED, Field, field_after

SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
CONVOLUTIONS = (
    layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D,
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One call of a layer, or of a function of keras.ops.

    Attributes:
        name: The layer's name, after that of the model it is nested in. A further call of a shared layer
            has its number, as in "conv#2".
        kind: The layer's class.
        output_shape: Without the batch axis; None for an open size.
        parameters: Number of weights; 0 for a further call of the same layer.
        multiply_adds: Products of one forward pass of one sample, in convolutions and dense layers,
            without bias, normalisation and pooling. None if it is not known.
        field: What one output value sees of the input. None if it is not known.
        reads: The names of the rows whose outputs it takes.
        bytes_per_value: Size of an output value.
        window: Size of a convolution's kernel or of a pooling's window, such as (3, 3); else None.
        strides: Steps of that window an axis; else None.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    parameters: int
    multiply_adds: int | None
    field: Field | None
    reads: tuple[str, ...]
    bytes_per_value: int
    window: tuple[int, ...] | None = None
    strides: tuple[int, ...] | None = None

    def activation_bytes(self, batch_size: int = 1) -> int | None:
        """Return the memory of the layer's output.

        Args:
            batch_size: Samples in a batch.

        Returns:
            Bytes, or None if a size is open.
        """
        sizes = [size for size in self.output_shape if size is not None]
        if len(sizes) < len(self.output_shape):
            return None
        return math.prod(sizes) * batch_size * self.bytes_per_value


@dataclass(frozen=True)
class Anatomy:
    """A network's rows in the order of a forward pass, with their totals.

    Attributes:
        name: The model's name.
        rows: A row a call.
    """

    name: str
    rows: tuple[Row, ...]

    @property
    def parameters(self) -> int:
        """All weights, each counted once."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int | None:
        """Products of one forward pass of one sample; None where a size is not known."""
        return _total([row.multiply_adds for row in self.rows])

    @property
    def receptive_field(self) -> Field | None:
        """What one value of the last feature map sees, before the head, which sees everything.

        None where no layer has a map, as in a dense network, or none's field is known.
        """
        fields = [
            row.field
            for row in self.rows
            if row.reads and row.field is not None and row.field.size and not row.field.whole
        ]
        return fields[-1] if fields else None

    def activation_bytes(self, batch_size: int = 1) -> int | None:
        """Return the memory of all outputs, as training keeps them.

        Args:
            batch_size: Samples in a batch.

        Returns:
            Bytes, or None if one of them is not known.
        """
        return _total([row.activation_bytes(batch_size) for row in self.rows])

    def row(self, name: str) -> Row:
        """Return the first row of a layer.

        Args:
            name: The layer's name, as `Row.name` has it.

        Returns:
            The row.

        Raises:
            KeyError: There is no such layer.
        """
        return {row.name: row for row in reversed(self.rows)}[name]


def anatomy(
    model: keras.Model | str,
    image_shape: tuple[int | None, ...] | None = None,
    num_classes: int | None = None,
    **options,
) -> Anatomy:
    """Read a network layer by layer: weights, multiply-adds, receptive fields and memory.

    A nested model that is written as a class is one row, for it has no graph to look into.

    Args:
        model: A functional or Sequential model, with branches and nested models; or the name of a
            network of `names()`, which is counted without the memory of its weights.
        image_shape: For a name: the shape of an image. None takes that of the network's paper.
        num_classes: For a name: the number of classes. None takes that of the network's paper.
        **options: For a name: options of the network's factory.

    Returns:
        A row a call, in the order of a forward pass.

    Raises:
        SettingError: The model has no graph, or is built already, with a shape and classes of its own.
        UnknownNameError: There is no network of this name.

    >>> anatomy("vgg16").parameters
    138357544
    """
    if isinstance(model, str):
        return _of_name(model, image_shape, num_classes, options)
    if image_shape is not None or num_classes is not None or options:
        raise SettingError(
            f"The model {model.name!r} is built already; a shape, classes and options are for a "
            'network\'s name, as in models.anatomy("vgg16", (96, 96, 3), 10).'
        )
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


def _of_name(name: str, image_shape, num_classes, options) -> Anatomy:
    facts = catalogue.entry(name).facts
    shape, classes = (
        image_shape or facts.get("image_shape"),
        num_classes or facts.get("num_classes"),
    )
    if shape is None or classes is None:
        raise SettingError(
            f"The network {name!r} was registered without an image_shape or num_classes: give both."
        )
    with shapes_alone():
        return anatomy(catalogue.create(name, shape, classes, **options))


def _total(counts: list[int | None]) -> int | None:
    """Return the sum; None if a number is not known."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _row(call: LayerCall, read: list[Row], number: int) -> Row:
    operation, output = call.operation, call.outputs[0]
    is_layer = isinstance(operation, keras.Layer)
    if call.is_input:
        field: Field | None = Field.of_input(max(len(output.shape) - 2, 0))
    else:
        shapes = [tuple(tensor.shape) for tensor in call.inputs]
        field = field_after(operation, [row.field for row in read], shapes, call.positional)
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
        **_window(operation),
    )


def _window(operation) -> dict[str, tuple[int, ...]]:
    """Return size and steps of a convolution's or pooling's window, by their names in a Row."""
    size = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    strides = getattr(operation, "strides", None)
    if not isinstance(size, tuple) or not isinstance(strides, tuple):
        return {}
    return {"window": size, "strides": strides}


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
