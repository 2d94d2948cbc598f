"""A trained classifier without its head: what its last dense layer reads."""

import keras

from cnnkit.errors import SettingError
from cnnkit.keras_graph.cuts import as_graph


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
    model = as_graph(model)
    nodes = getattr(model, "_nodes_by_depth", {})
    for depth in sorted(nodes):  # from the output on
        for node in nodes[depth]:
            layer = node.operation
            if isinstance(layer, keras.layers.Dense):
                return keras.Model(model.inputs, node.input_tensors[0], name=model.name)
            inner = _cut(layer) if isinstance(layer, keras.Model) else None
            if inner is not None:
                return keras.Model(model.inputs, inner(*node.input_tensors), name=model.name)
    return None
