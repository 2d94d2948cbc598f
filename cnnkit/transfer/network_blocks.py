"""The blocks of a network: what a fine-tuning unfreezes, from the last one on."""

import re

import keras

from cnnkit.keras_graph.splitting import cut_points

# How keras.applications, KerasHub and cnnkit.models name the layers of a block: `block_16_expand`,
# `block6a_dwconv`, `conv5_block3_1_conv`, `conv_pw_13`, `expanded_conv_10_project`,
# `convnext_tiny_stage_3_block_2_depthwise_conv`, `inception_5b_1x1`, `normal_conv_1_12`,
# `stack2_block1_1_conv`.
NAMED = re.compile(
    r"(?:(?:conv|stage_|stack)(\d+)_)?(?:block_?|expanded_conv_|conv_[dp]w_|inception_)(\d+[a-z]?)"
    r"|^(?:normal|reduction|separable|adjust)\w*_(\d+)$"
)
HEAD = ("dropout", "logits", "predictions")


def blocks(model: keras.Model) -> list[list[keras.Layer]]:
    """Return the layers that have weights, block by block, without those of the head.

    The first is the stem; what has no block of its own, such as a last convolution or the shortcut
    of a stage, belongs to the block before it. Blocks are told by their names where most layers
    have such a name; else a block ends wherever one tensor is all that later layers read, as after
    an Inception block or, in a plain chain of layers, after each convolution. A backbone that is a
    layer of the model is looked into.
    """
    network = _backbone(model)
    layers = [layer for layer in network.layers if layer.weights]
    if network is model:
        layers = [layer for layer in layers if not _is_head(layer, model)]
    names = [NAMED.search(layer.name) for layer in layers]
    if 2 * sum(name is not None for name in names) > len(layers):
        return _by_name(layers, names)
    return _by_structure(network, layers)


def _backbone(model: keras.Model) -> keras.Model:
    """Return the layer that is a model and has most of the weights; else the model itself."""
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    return next((each for each in inner if 2 * len(each.weights) > len(model.weights)), model)


def _is_head(layer: keras.Layer, model: keras.Model) -> bool:
    last = layer is model.layers[-1] and isinstance(layer, keras.layers.Dense)
    return last or layer.name in HEAD


def _by_name(layers, names) -> list[list[keras.Layer]]:
    found, current = {}, None
    for layer, name in zip(layers, names, strict=True):
        current = name.groups() if name else current
        found.setdefault(current, []).append(layer)
    return list(found.values())


def _by_structure(network: keras.Model, layers: list[keras.Layer]) -> list[list[keras.Layer]]:
    order, ends = cut_points(network)
    places = {id(operation): place for place, operation in enumerate(order)}
    found = [[]]
    for layer in sorted(layers, key=lambda layer: places[id(layer)]):
        begun = any(_has_kernel(each) for each in found[-1])
        ended = begun and any(places[id(found[-1][-1])] <= end < places[id(layer)] for end in ends)
        if ended and _has_kernel(layer):  # normalisation is of the block before it
            found.append([])
        found[-1].append(layer)
    return found


def _has_kernel(layer: keras.Layer) -> bool:
    return any("kernel" in weight.path.rsplit("/", 1)[-1] for weight in layer.weights)
