"""A trained classifier without its head: what its last dense layer reads."""

import keras

from cnnkit.errors import SettingError
from cnnkit.keras_graph.walk import as_functional, layer_calls


def embedding_model(model: keras.Model) -> keras.Model:
    """Return a model from the same inputs to what the last dense layer reads, one vector a sample.

    It shares the layers of `model`, such as one that a run has kept, and goes into models that are
    layers of it. Images that are alike for the network lie near each other there.

    Raises SettingError where the model has no dense layer, or is no graph of layers.
    """
    found = _cut(model)
    if found is None:
        raise SettingError(
            f"Model {model.name!r} has no dense layer in a graph of layers, whose inputs are features."
        )
    if len(found.output_shape) > 2:
        found = keras.Model(found.inputs, keras.layers.Flatten(name="flat")(found.outputs[0]))
    return found


def _cut(model: keras.Model) -> keras.Model | None:
    for call in sorted(layer_calls(model), key=lambda call: call.depth):  # from the output back
        inputs = as_functional(model).inputs
        if isinstance(call.operation, keras.layers.Dense):
            return keras.Model(inputs, call.inputs[0], name=model.name)
        inner = _cut(call.operation) if isinstance(call.operation, keras.Model) else None
        if inner is not None:
            return keras.Model(inputs, inner(*call.inputs), name=model.name)
    return None
