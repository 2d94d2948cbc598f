"""The layers of a network in the order of a forward pass, as the explorer's document has them."""

from collections.abc import Sequence

import keras

from cnnkit.explorer import layer_rules, operation_rules
from cnnkit.explorer.packed_weights import PackedWeights
from cnnkit.keras_graph.walk import LayerCall, layer_calls, output_calls
from cnnkit.models.anatomy import Row, anatomy

# They pass on what they read, one number for each class.
PASSING = ("same_values",)
PROBABILITIES = ("softmax", "sigmoid")


def described_layers(
    model: keras.Model, packed: PackedWeights, multi_label: bool
) -> tuple[list[dict], str]:
    """Describe the layers that a network's first output depends on.

    Args:
        model: A functional model with one input.
        packed: Takes the weights.
        multi_label: Whether scores go through sigmoids, where the model does not say.

    Returns:
        The layers, and the name of the one that gives the scores before softmax or sigmoid.
    """
    calls, rows = layer_calls(model, nested=True), anatomy(model).rows
    kept = _needed(calls, output_calls(model, nested=True)[0])
    names = _names(rows)
    layers = [
        _described(calls[n], rows[n], names[n], [names[m] for m in calls[n].sources], packed)
        for n in kept
    ]
    return _with_probabilities(layers, multi_label)


def named_calls(model: keras.Model) -> dict[str, LayerCall]:
    """Return the calls of a network by the names that the document gives them.

    Args:
        model: A functional model.
    """
    calls = layer_calls(model, nested=True)
    return dict(zip(_names(anatomy(model).rows), calls, strict=True))


def _needed(calls: list[LayerCall], last: int) -> list[int]:
    """Return the indices of the calls that one of them depends on, its own last."""
    needed: set[int] = set()
    unseen = [last]
    while unseen:
        index = unseen.pop()
        if index not in needed:
            needed.add(index)
            unseen.extend(calls[index].sources)
    return [*sorted(needed - {last}), last]


def _names(rows: Sequence[Row]) -> list[str]:
    found: list[str] = []
    for name in (row.name for row in rows):
        number, free = 1, name
        while free in found:
            number += 1
            free = f"{name}#{number}"
        found.append(free)
    return found


def _described(
    call: LayerCall, row: Row, name: str, reads: list[str], packed: PackedWeights
) -> dict:
    config = {"arithmetic": "input"} if call.is_input else _config(call)
    weights = getattr(call.operation, "weights", ()) if _has_weights(config) else ()
    is_trained = getattr(call.operation, "trainable", False)
    field = row.field if row.field and not row.field.whole else None
    return {
        "name": name,
        "kind": row.kind,
        "inputs": reads,
        "shape": list(row.output_shape),
        "config": config,
        "weights": [packed.described(each, each.trainable and is_trained) for each in weights],
        "parameters": row.parameters,
        "multiplyAdds": row.multiply_adds,
        "receptiveField": list(field.size) if field and len(field.size) == 2 else None,
    }


def _config(call: LayerCall) -> dict:
    """Return how the page computes a call; empty where it cannot."""
    operation = call.operation
    if None in call.outputs[0].shape[1:] or len(call.outputs) != 1:
        return {}
    if isinstance(operation, keras.Layer):
        if getattr(operation, "quantization_mode", None) is not None:
            return {}
        shapes = [tuple(tensor.shape) for tensor in call.inputs]
        return layer_rules.rule(operation, shapes) or {}
    return operation_rules.rule(call) or {}


def _has_weights(config: dict) -> bool:
    return config.get("arithmetic") not in (*PASSING, "input", "scaling", None)


def _with_probabilities(layers: list[dict], multi_label: bool) -> tuple[list[dict], str]:
    """Return layers that end in probabilities, and the name of the layer of scores before them."""
    by_name = {each["name"]: each for each in layers}
    last = layers[-1]
    while last["config"].get("arithmetic") in PASSING and len(last["inputs"]) == 1:
        last = by_name[last["inputs"][0]]
    config = last["config"]
    if config.get("arithmetic") == "softmax" or config.get("function") in PROBABILITIES:
        return layers, last["inputs"][0]
    function = config.get("activation")
    if function in PROBABILITIES:
        # The scores before the activation get a name: the layer's own.
        config["activation"] = "linear"
        place = layers.index(last) + 1
        added = _activation(last, function)
        readers = layers[place:]
        for reader in readers:
            reader["inputs"] = [
                added["name"] if each == last["name"] else each for each in reader["inputs"]
            ]
        return [*layers[:place], added, *readers], last["name"]
    is_single = layers[-1]["shape"] == [1]
    function = "sigmoid" if multi_label or is_single else "softmax"
    return [*layers, _activation(layers[-1], function)], layers[-1]["name"]


def _activation(layer: dict, function: str) -> dict:
    config = {"arithmetic": "activation", "function": function, "constants": {}}
    return layer | {
        "name": f"{layer['name']}/{function}",
        "kind": "Activation",
        "inputs": [layer["name"]],
        "config": config,
        "weights": [],
        "parameters": 0,
        "multiplyAdds": 0,
        "receptiveField": None,
    }
