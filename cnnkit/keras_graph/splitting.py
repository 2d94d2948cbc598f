"""Split a network in two: the frozen beginning, and the rest that trains."""

import keras

from cnnkit.keras_graph.walk import LayerCall, as_functional, layer_calls


def split_frozen(model: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Split a model after the last tensor that training does not change.

    No layer before that tensor has trainable weights, draws random numbers as dropout does, or
    normalises by the statistics of a batch, and all later layers read it alone.

    Args:
        model: The model to split. It needs a graph with one input.

    Returns:
        Two models that share the layers of `model`: from its input to that tensor, and from there
        to its outputs. None if `model` has no frozen layers with weights, or no such graph.
    """
    model = as_functional(model)
    if len(getattr(model, "inputs", ())) != 1:
        return None
    calls = _calls_after_inputs(model)
    changing = (n for n, call in enumerate(calls) if not _is_constant(call.operation))
    num_constant = next(changing, len(calls))
    indices = [index for index in _cut_points(calls) if index < num_constant]
    if not indices:
        return None
    cut = calls[indices[-1]].outputs[0]
    frozen = keras.Model(model.inputs, cut, name=model.name)
    if not frozen.weights:
        return None
    return frozen, keras.Model(cut, model.outputs, name=model.name)


def cut_points(model: keras.Model) -> tuple[list[keras.Operation], list[int]]:
    """Return where a model's graph can be cut at one tensor.

    Args:
        model: A functional or Sequential model.

    Returns:
        The operations in the order of a forward pass, inputs left out; and the indices of those
        whose output is all that later operations read. The last operation is never among them.
    """
    calls = _calls_after_inputs(model)
    return [call.operation for call in calls], _cut_points(calls)


def _calls_after_inputs(model: keras.Model) -> list[LayerCall]:
    return [call for call in layer_calls(model) if not call.is_input]


def _cut_points(calls: list[LayerCall]) -> list[int]:
    last_read = {id(tensor): n for n, call in enumerate(calls) for tensor in call.inputs}
    made = {id(tensor) for call in calls for tensor in call.outputs}
    # The last call that reads any earlier tensor; at first, the model's input.
    needed_until = max((n for tensor, n in last_read.items() if tensor not in made), default=0)
    indices = []
    for index, call in enumerate(calls[:-1]):
        if len(call.outputs) == 1 and needed_until <= index:
            indices.append(index)
        needed_until = max(needed_until, *(last_read.get(id(each), 0) for each in call.outputs))
    return indices


def _is_constant(operation) -> bool:
    """Whether training leaves an operation's output for a given input as it is."""
    if not isinstance(operation, keras.Layer):  # a function such as those of preprocessing
        return True
    if operation.trainable_variables:
        return False
    if isinstance(operation, keras.layers.Dropout) and not operation.rate:
        return True
    if isinstance(operation, keras.Model):
        return all(_is_constant(layer) for layer in operation.layers)
    if any(variable.path.endswith("seed_generator_state") for variable in operation.variables):
        return False
    return not (isinstance(operation, keras.layers.BatchNormalization) and operation.trainable)
