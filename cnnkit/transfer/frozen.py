"""The part of a network that does not change while it trains, and what is left to train."""

import keras


def frozen_part(model: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Return a model's frozen beginning and the rest, as two models that share its layers.

    The first goes from the model's input to the last tensor through which all later layers read and
    which no training changes: no layer before it has trainable weights, draws random numbers as
    dropout does, or normalises by batch statistics. The second goes on from there. None where
    nothing with weights comes before such a tensor, or where the model is no graph of one input.
    """
    if isinstance(model, keras.Sequential) and model.built:
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    # `layer.output` is of the layer's first call, which may be in a graph that it was taken from;
    # only the nodes are of this one. Without them all of the model trains, which is slower.
    nodes = getattr(model, "_nodes_by_depth", {})
    calls = [node for depth in sorted(nodes, reverse=True) for node in nodes[depth]]
    calls = [node for node in calls if not node.is_input]
    if len(getattr(model, "inputs", ())) != 1:
        return None
    still = next((n for n, call in enumerate(calls) if not _at_rest(call.operation)), len(calls))
    for last in reversed(range(min(still, len(calls) - 1))):
        gives = calls[last].output_tensors
        later = {id(tensor) for call in calls[last + 1 :] for tensor in call.input_tensors}
        made = {id(tensor) for call in calls[last + 1 :] for tensor in call.output_tensors}
        if len(gives) != 1 or later - made != {id(gives[0])}:
            continue
        beginning = keras.Model(model.inputs, gives[0], name=model.name)
        if not beginning.weights:
            return None
        return beginning, keras.Model(gives[0], model.outputs, name=model.name)
    return None


def _at_rest(layer) -> bool:
    """Whether an operation gives the same for the same input, however long the model trains."""
    if not isinstance(layer, keras.Layer):  # a function such as those of preprocessing
        return True
    if layer.trainable_variables:
        return False
    if any(each.path.endswith("seed_generator_state") for each in layer.variables):
        return False
    return not any(
        isinstance(each, keras.layers.BatchNormalization) and each.trainable
        for each in _with_inner(layer)
    )


def _with_inner(layer):
    yield layer
    for inner in getattr(layer, "layers", ()):
        yield from _with_inner(inner)
