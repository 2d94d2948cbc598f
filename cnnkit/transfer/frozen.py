"""The part of a network that does not change while it trains, and what is left to train."""

import keras


def frozen_part(model: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Return a model's frozen beginning and the rest, as two models that share its layers.

    The first goes from the model's input to the last tensor through which all later layers read and
    which no training changes: no layer before it has trainable weights, draws random numbers as
    dropout does, or normalises by batch statistics. The second goes on from there. None where
    nothing with weights comes before such a tensor, or where the model is no graph with one input
    and each layer called once.
    """
    if isinstance(model, keras.Sequential) and model.built:
        model = keras.Model(model.inputs, model.outputs, name=model.name)
    if not hasattr(model, "operations"):
        return None
    calls = [each for each in model.operations if not isinstance(each, keras.layers.InputLayer)]
    try:
        reads = [keras.tree.flatten(call.input) for call in calls]
        gives = [call.output for call in calls]
    except (AttributeError, ValueError):  # called more than once
        return None
    if len(model.inputs) != 1:
        return None
    still = next((n for n, call in enumerate(calls) if not _at_rest(call)), len(calls) - 1)
    for last in reversed(range(still)):
        before = {id(tensor) for tensor in (*model.inputs, *map(_first, gives[:last]))}
        later = (tensor for tensors in reads[last + 1 :] for tensor in tensors)
        if isinstance(gives[last], list) or any(id(tensor) in before for tensor in later):
            continue
        beginning = keras.Model(model.inputs, gives[last])
        if not beginning.weights:
            return None
        return beginning, keras.Model(gives[last], model.outputs, name=model.name)
    return None


def _first(outputs):
    return outputs[0] if isinstance(outputs, list) else outputs


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
