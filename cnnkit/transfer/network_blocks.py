"""The blocks of a network, which fine-tuning unfreezes from the last one on."""

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
    """Return the layers with weights, block by block, without those of the head.

    Blocks are recognised by their names if most layers have such a name. Otherwise a block ends
    wherever later layers read only one tensor: after an Inception block, or, in a plain chain of
    layers, after each convolution. Layers outside a block, such as a last convolution or the
    shortcut of a stage, belong to the block before them.

    Args:
        model: A backbone, or a classifier that has one inside or is one.

    Returns:
        Lists of layers from the first block, which is the stem, to the last.
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
    by_block, current = {}, None
    for layer, name in zip(layers, names, strict=True):
        current = name.groups() if name else current
        by_block.setdefault(current, []).append(layer)
    return list(by_block.values())


def _by_structure(network: keras.Model, layers: list[keras.Layer]) -> list[list[keras.Layer]]:
    operations, cuts = cut_points(network)
    order = {id(operation): index for index, operation in enumerate(operations)}
    groups = [[]]
    for layer in sorted(layers, key=lambda layer: order[id(layer)]):
        has_begun = any(_has_kernel(each) for each in groups[-1])
        has_ended = has_begun and any(
            order[id(groups[-1][-1])] <= cut < order[id(layer)] for cut in cuts
        )
        if has_ended and _has_kernel(layer):  # normalisation belongs to the block before it
            groups.append([])
        groups[-1].append(layer)
    return groups


def _has_kernel(layer: keras.Layer) -> bool:
    return any("kernel" in weight.path.rsplit("/", 1)[-1] for weight in layer.weights)
