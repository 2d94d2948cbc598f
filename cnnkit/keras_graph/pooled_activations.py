"""ReLU after the max pooling that follows it, in training steps: the same numbers, less work.

The largest of what ReLU gives is ReLU of the largest, and where all of a window is negative neither
order passes a gradient on. After pooling by 2 x 2 ReLU has a quarter of the numbers to look at, on
the way forward and back. TensorFlow gains by it, and gives the same to the last bit; XLA, which joins
such operations to others, does not, and rounds elsewhere.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator

import keras

from cnnkit.keras_graph.walk import layer_calls

# By the exact type: a subclass may compute something else.
WITH_ACTIVATION = (
    keras.layers.Activation,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)
POOLING = (keras.layers.MaxPooling1D, keras.layers.MaxPooling2D, keras.layers.MaxPooling3D)


def pooled_activations(model: keras.Model) -> list[tuple[keras.Layer, keras.Layer]]:
    """Return (layer, pooling) wherever a layer ends in ReLU and only that max pooling reads it.

    Models that are layers of the model are looked into; one that is no graph has none of its own.
    Layers that are called more than once, and those with an activity regularizer, are not among them.
    """
    found = _pairs(model)
    for layer in getattr(model, "layers", ()):
        if isinstance(layer, keras.Model):
            found += pooled_activations(layer)
    return found


@contextlib.contextmanager
def activations_after_pooling(pairs: list[tuple[keras.Layer, keras.Layer]]) -> Iterator[None]:
    """Let what is computed or compiled meanwhile pool first, of pairs as `pooled_activations` gives.

    Outputs and gradients are the same, but for what the first layer of a pair gives by itself; the
    layers are as they were afterwards.
    """
    for layer, pooling in pairs:
        if isinstance(layer, keras.layers.ReLU):
            layer.call = keras.activations.linear
        else:
            layer.activation = keras.activations.linear
        pooling.call = _then_relu(pooling)
    try:
        yield
    finally:
        for layer, pooling in pairs:
            if isinstance(layer, keras.layers.ReLU):
                layer.__dict__.pop("call", None)
            else:
                layer.activation = keras.activations.relu
            pooling.__dict__.pop("call", None)


def _then_relu(pooling: keras.Layer):
    pool = pooling.call
    return lambda inputs: keras.ops.relu(pool(inputs))


def _pairs(model: keras.Model) -> list[tuple[keras.Layer, keras.Layer]]:
    calls = layer_calls(model)
    times = Counter(id(call.operation) for call in calls)
    readers = {id(tensor): [None] for tensor in getattr(model, "outputs", ())}
    for call in calls:
        for tensor in call.inputs:
            readers.setdefault(id(tensor), []).append(call.operation)
    pairs = []
    for call in calls:
        read_by = readers.get(id(call.outputs[0]), [])
        if (
            _ends_in_relu(call.operation)
            and len(read_by) == 1
            and type(read_by[0]) in POOLING
            and times[id(call.operation)] == times[id(read_by[0])] == 1
        ):
            pairs.append((call.operation, read_by[0]))
    return pairs


def _ends_in_relu(layer) -> bool:
    if type(layer) is keras.layers.ReLU:
        relu = layer.max_value is None and layer.negative_slope == layer.threshold == 0
    else:
        relu = type(layer) in WITH_ACTIVATION and layer.activation is keras.activations.relu
    return relu and layer.activity_regularizer is None
