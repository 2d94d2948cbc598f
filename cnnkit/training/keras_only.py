"""A network in Keras' own layers: a model file is read by Keras alone, without cnnkit."""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers, ops

from cnnkit.data.augmentation.random_layers import Elastic, Mixed, OneOf
from cnnkit.keras_graph.hooks import innermost_layers
from cnnkit.keras_graph.walk import as_functional, has_graph
from cnnkit.models.families.layers import GroupedConv2D, LocalResponseNormalization, PaddedShortcut
from cnnkit.models.families.lenet5_1998 import (
    RadialBasis,
    Subsampling,
    TableConvolution,
    connected_maps,
    squash,
)

Function = Callable  # from a symbolic tensor to another


def in_keras_layers(model: keras.Model) -> keras.Model:
    """Return a network that computes the same in inference, with Keras' own layers alone.

    Args:
        model: Any model. Models inside it are rewritten, too. A model that is written as a class
            has no graph that could be rewritten.

    Returns:
        A copy with weights of its own; `model` itself if no layer of its graph is cnnkit's.
    """
    if not has_graph(model) or not _has_own_layers(model):
        return model
    return _copy_of_graph(model)


def _has_own_layers(model: keras.Model) -> bool:
    return any(_rule(layer) for layer in innermost_layers(model).values())


def _rule(operation) -> Callable[[keras.Layer], Function] | None:
    """Return what replaces an operation; None for one that Keras knows."""
    if getattr(operation, "activation", None) is squash:
        return _squashed
    return RULES.get(type(operation))


def _copy_of_graph(model: keras.Model) -> keras.Model:
    copies = []

    def copy(operation) -> Function:
        rule = _rule(operation)
        if rule is not None:
            return rule(operation)
        if has_graph(operation) and _has_own_layers(operation):
            return _copy_of_graph(operation)
        copies.append((operation, _copied(operation)))
        return copies[-1][1]

    result = keras.models.clone_model(
        as_functional(model),
        clone_function=copy,
        call_function=lambda function, *inputs, **options: function(*inputs, **options),
    )
    for operation, its_copy in copies:
        if isinstance(operation, keras.Layer):
            its_copy.set_weights(operation.get_weights())
    return result


def _copied(operation, **changes):
    return type(operation).from_config(operation.get_config() | changes)


def _named(layer: keras.Layer, suffix: str = "") -> dict:
    return {"name": layer.name + suffix, "dtype": layer.dtype_policy.name}


def _with_weights(layer: keras.Layer, channels: int, *weights) -> keras.Layer:
    """Build a layer for images or vectors of so many channels, with these weights."""
    layer.build((None, None, None, channels))
    layer.set_weights(weights)
    return layer


def _numpy(*variables) -> list[np.ndarray]:
    return [ops.convert_to_numpy(variable) for variable in variables]


def _then_squash(layer: keras.Layer, linear: keras.Layer) -> Function:
    """Return a function that applies `linear`, and `squash` in three layers."""
    before = layers.Rescaling(2 / 3, **_named(layer, "_scaled"))
    tanh = layers.Activation("tanh", **_named(layer, "_tanh"))
    after = layers.Rescaling(1.7159, **_named(layer, "_squashed"))
    return lambda inputs, **options: after(tanh(before(linear(inputs, **options))))


def _squashed(layer: keras.Layer) -> Function:
    linear = _copied(layer, activation="linear")
    linear.build(layer.get_build_config()["input_shape"])
    linear.set_weights(layer.get_weights())
    return _then_squash(layer, linear)


def _subsampling(layer: Subsampling) -> Function:
    coefficient, bias = _numpy(layer.coefficient, layer.bias)
    kernel = np.broadcast_to(coefficient[:, None], (2, 2, len(bias), 1))
    sums = layers.DepthwiseConv2D(2, strides=2, **_named(layer))
    return _then_squash(layer, _with_weights(sums, len(bias), kernel, bias))


def _table_convolution(layer: TableConvolution) -> Function:
    windows, bias = _numpy(layer.kernel, layer.bias)
    connected = connected_maps()
    kernel = np.zeros((*windows.shape[:2], *connected.shape), windows.dtype)
    kernel[:, :, connected] = windows
    convolution = layers.Conv2D(len(bias), 5, **_named(layer))
    return _then_squash(layer, _with_weights(convolution, len(connected), kernel, bias))


def _radial_basis(layer: RadialBasis) -> Function:
    # On a symbolic tensor, it is a graph of functions of keras.ops, which Keras saves.
    return lambda units, **options: layer.call(units)


def _padded_shortcut(layer: PaddedShortcut) -> Function:
    channels = layer.get_build_config()["input_shape"][-1]
    identity = np.eye(channels, layer.filters)[None, None]
    convolution = layers.Conv2D(
        layer.filters, 1, layer.strides, use_bias=False, trainable=False, **_named(layer)
    )
    return _with_weights(convolution, channels, identity)


def _response_normalization(layer: LocalResponseNormalization) -> Function:
    channels = layer.get_build_config()["input_shape"][-1]
    source, target = np.indices((channels, channels))
    reach = layer.size // 2
    is_near = (source >= target - reach) & (source < target - reach + layer.size)
    sums = layers.Conv2D(channels, 1, trainable=False, **_named(layer, "_sums"))
    kernel, bias = layer.alpha * is_near[None, None], np.full(channels, layer.k)
    sums = _with_weights(sums, channels, kernel, bias)
    square = layers.Multiply(**_named(layer, "_squares"))
    return lambda maps, **options: maps / ops.power(sums(square([maps, maps])), layer.beta)


def _grouped_convolution(layer: GroupedConv2D) -> Function:
    convolution = layers.Conv2D.from_config(layer.get_config())
    channels = layer.kernel.shape[-2] * layer.groups
    return _with_weights(convolution, channels, *layer.get_weights())


def _identity(layer: keras.Layer) -> Function:
    """Replace an augmentation, which changes nothing in use."""
    return layers.Identity(**_named(layer))


def _pipeline(layer: layers.Pipeline) -> Function:
    rules = [_rule(part) or _copied for part in layer.layers]
    parts = [rule(part) for rule, part in zip(rules, layer.layers, strict=True)]
    return layers.Pipeline(parts, name=layer.name)


RULES: dict[type, Callable[..., Function]] = {
    Subsampling: _subsampling,
    TableConvolution: _table_convolution,
    RadialBasis: _radial_basis,
    PaddedShortcut: _padded_shortcut,
    LocalResponseNormalization: _response_normalization,
    GroupedConv2D: _grouped_convolution,
    OneOf: _identity,
    Elastic: _identity,
    Mixed: _identity,
    layers.Pipeline: _pipeline,
}
