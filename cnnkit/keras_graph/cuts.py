"""The part of a network that does not change while it trains, and what is left to train."""

import keras

from cnnkit.keras_graph.walk import LayerCall, as_functional, layer_calls


def frozen_part(model: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Return a model's frozen beginning and the rest, as two models that share its layers.

    The first goes from the model's input to the last tensor through which all later layers read and
    which no training changes: no layer before it has trainable weights, draws random numbers as
    dropout does, or normalises by batch statistics. The second goes on from there. None where
    nothing with weights comes before such a tensor, or where the model is no graph of one input.
    """
    model = as_functional(model)
    if len(getattr(model, "inputs", ())) != 1:
        return None
    calls = _called(model)
    still = next((n for n, call in enumerate(calls) if not _at_rest(call.operation)), len(calls))
    ends = [place for place in _narrow(calls) if place < still]
    if not ends:
        return None
    gives = calls[ends[-1]].outputs[0]
    beginning = keras.Model(model.inputs, gives, name=model.name)
    if not beginning.weights:
        return None
    return beginning, keras.Model(gives, model.outputs, name=model.name)


def narrow_places(model: keras.Model) -> tuple[list, list[int]]:
    """Return a graph's operations in order, and the places after which one tensor is all that is read.

    The last operation is no such place, for nothing comes after it.
    """
    calls = _called(model)
    return [call.operation for call in calls], _narrow(calls)


def _called(model: keras.Model) -> list[LayerCall]:
    return [call for call in layer_calls(model) if not call.is_input]


def _narrow(calls: list) -> list[int]:
    last_read = {}
    for place, call in enumerate(calls):
        last_read |= {id(tensor): place for tensor in call.inputs}
    made = {id(tensor) for call in calls for tensor in call.outputs}
    # Up to where something is read that was there before a place; at first, the model's input.
    needed = max((place for tensor, place in last_read.items() if tensor not in made), default=0)
    found = []
    for place, call in enumerate(calls[:-1]):
        if len(call.outputs) == 1 and needed <= place:
            found.append(place)
        needed = max(needed, *(last_read.get(id(each), 0) for each in call.outputs))
    return found


def _at_rest(layer) -> bool:
    """Whether an operation gives the same for the same input, however long the model trains."""
    if not isinstance(layer, keras.Layer):  # a function such as those of preprocessing
        return True
    if layer.trainable_variables:
        return False
    if isinstance(layer, keras.layers.Dropout) and not layer.rate:
        return True
    if isinstance(layer, keras.Model):
        return all(_at_rest(inner) for inner in layer.layers)
    if any(each.path.endswith("seed_generator_state") for each in layer.variables):
        return False
    return not (isinstance(layer, keras.layers.BatchNormalization) and layer.trainable)


def student_of(model: keras.Model) -> keras.Model:
    """Return the part of a trained model that a run saves: without a teacher or auxiliary outputs."""
    return getattr(model, "student", getattr(model, "main_network", model))
