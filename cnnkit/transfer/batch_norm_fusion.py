"""Fuse batch normalisation into the layers before it: the same outputs in less time."""

import keras
import numpy as np
from keras import layers

from cnnkit.keras_graph.walk import LayerCall, as_functional, layer_calls

# By their exact type: a subclass may do more than its kernel says.
FUSABLE = (
    layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Dense,
    layers.DepthwiseConv1D, layers.DepthwiseConv2D,
    layers.SeparableConv1D, layers.SeparableConv2D,
)  # fmt: skip


def fuse_batch_norm(model: keras.Model) -> keras.Model:
    """Return a model with the same outputs in inference, within rounding, that is faster.

    In inference, batch normalisation is one factor and one term a channel. If it alone reads a
    convolution or dense layer without activation, they go into that layer's kernel and bias (Jacob
    et al. 2018, https://arxiv.org/abs/1712.05877, section 3.2). This saves two passes over each
    feature map, and lets TensorFlow compute bias and activation with the convolution.

    Args:
        model: Any model; models inside it are fused, too.

    Returns:
        A model with new layers, which have the present weights, in the place of fused ones. All
        other layers are shared. `model` itself if it has nothing to fuse, or no graph of layers.
    """
    graph = as_functional(model)
    calls = [call for call in layer_calls(model) if not call.is_input]
    fusable = _fusable(calls, graph.outputs) if calls else {}
    models = {call.operation for call in calls if isinstance(call.operation, keras.Model)}
    inner = {each: copy for each in models if (copy := fuse_batch_norm(each)) is not each}
    if not fusable and not inner:
        return model
    replacements = inner | {layer: _with_bias(layer) for layer in fusable}
    removed = set(fusable.values())

    def call(layer, values, *others, **options):
        if layer in removed:
            return values
        return replacements.get(layer, layer)(values, *others, **options)

    copy = keras.models.clone_model(graph, clone_function=lambda each: each, call_function=call)
    for layer, normalisation in fusable.items():
        replacements[layer].set_weights(_weights(layer, normalisation))
    return copy


def _fusable(calls: list[LayerCall], outputs: list) -> dict[keras.Layer, layers.BatchNormalization]:
    """Return the layers that batch normalisation can be fused into, each with its normalisation."""
    made_by = {id(tensor): call.operation for call in calls for tensor in call.outputs}
    read = [id(tensor) for call in calls for tensor in call.inputs]
    read += [id(tensor) for tensor in outputs]
    operations = [call.operation for call in calls]
    fusable = {}
    for call in calls:
        normalisation, tensor = call.operation, call.inputs[0]
        before = made_by.get(id(tensor))
        if (
            type(normalisation) is layers.BatchNormalization
            and not call.keywords.get("training")
            and normalisation.axis in (-1, len(tensor.shape) - 1)
            and before is not None
            and type(before) in FUSABLE
            and before.activation is keras.activations.linear
            and not getattr(before, "lora_enabled", False)
            and getattr(before, "data_format", "channels_last") == "channels_last"
            and before.dtype_policy.name == normalisation.dtype_policy.name
            and read.count(id(tensor)) == 1
            and operations.count(before) == operations.count(normalisation) == 1
        ):
            fusable[before] = normalisation
    return fusable


def _with_bias(layer: keras.Layer) -> keras.Layer:
    return type(layer).from_config(layer.get_config() | {"use_bias": True})


def _weights(layer: keras.Layer, normalisation: layers.BatchNormalization) -> list[np.ndarray]:
    """Return the kernels and the bias of a layer fused with its normalisation."""
    kernels = [_exact(each) for each in layer.weights]
    bias = kernels.pop() if layer.use_bias else 0.0
    factor = 1 / np.sqrt(_exact(normalisation.moving_variance) + normalisation.epsilon)
    if normalisation.scale:
        factor = factor * _exact(normalisation.gamma)
    shift = _exact(normalisation.beta) if normalisation.center else 0.0
    last = kernels[-1]
    depthwise = isinstance(layer, layers.DepthwiseConv1D | layers.DepthwiseConv2D)
    channels = last.shape[-2:] if depthwise else last.shape[-1:]  # (channel, multiplier)
    kernels[-1] = last * factor.reshape(channels)
    return [*kernels, (bias - _exact(normalisation.moving_mean)) * factor + shift]


def _exact(weight) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(weight), np.float64)
