"""What a network's outputs are: logits or probabilities, as its last activation says."""

import keras

from cnnkit.keras_graph.walk import as_functional, has_graph, layer_calls

# They leave logits logits and probabilities probabilities.
PASSING_ON = (
    keras.layers.Dropout, keras.layers.Identity, keras.layers.Flatten, keras.layers.Reshape,
    keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D,
)  # fmt: skip
LOGITS, PROBABILITIES, NEITHER = "logits", "probabilities", "neither"
KINDS = {
    "linear": LOGITS,
    "log_softmax": LOGITS,
    "logsoftmax": LOGITS,  # the class of keras.ops.log_softmax
    "softmax": PROBABILITIES,
    "sigmoid": PROBABILITIES,
}


def final_operation(model: keras.Model) -> keras.Operation | None:
    """Return the operation that gives a model's outputs their meaning.

    Args:
        model: Any model. Models inside it are searched. Operations that only pass logits or
            probabilities on, such as a Flatten, are not what is looked for.

    Returns:
        A layer, or an operation of `keras.ops`; None for a model without a graph.
    """
    if not has_graph(model):
        return None
    makers = {id(output): call for call in layer_calls(model) for output in call.outputs}
    call = makers[id(as_functional(model).outputs[0])]
    while not call.is_input and _passes_on(call.operation):
        call = makers[id(call.inputs[0])]
    is_model = isinstance(call.operation, keras.Model)
    return final_operation(call.operation) if is_model else call.operation


def output_kind(model: keras.Model) -> str | None:
    """Return whether a classifier's outputs are logits or probabilities.

    Args:
        model: Any model.

    Returns:
        LOGITS, PROBABILITIES or, after an activation such as ReLU, NEITHER; None where its graph
        does not say.
    """
    operation = final_operation(model)
    if operation is None:
        return None
    activation = getattr(operation, "activation", None)
    if activation is None:
        return KINDS.get(type(operation).__name__.lower())
    return KINDS.get(getattr(activation, "__name__", ""), NEITHER)


def _passes_on(operation: keras.Operation) -> bool:
    if isinstance(operation, keras.layers.Activation):
        return operation.activation is keras.activations.linear
    return isinstance(operation, PASSING_ON)
