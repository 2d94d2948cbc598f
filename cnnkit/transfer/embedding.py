"""A classifier without its head, as a model from images to embeddings."""

import keras

from cnnkit.errors import SettingError
from cnnkit.keras_graph.walk import as_functional, layer_calls


def embedding_model(model: keras.Model) -> keras.Model:
    """Return a model from a classifier's inputs to what its last dense layer reads.

    Images that the classifier takes for similar have embeddings near each other.

    Args:
        model: A functional or Sequential classifier, such as the model of a run. Models inside it
            are searched for the dense layer, too.

    Returns:
        A model that shares the layers of `model`, with outputs of shape (batch, features).

    Raises:
        SettingError: `model` has no dense layer, or no graph of layers.
    """
    headless = _before_last_dense(model)
    if headless is None:
        raise SettingError(
            f"Model {model.name!r} has no dense layer in a graph of layers, whose inputs are the "
            "embedding."
        )
    if len(headless.output_shape) > 2:
        vectors = keras.layers.Flatten(name="flat")(headless.outputs[0])
        headless = keras.Model(headless.inputs, vectors)
    return headless


def _before_last_dense(model: keras.Model) -> keras.Model | None:
    for call in sorted(layer_calls(model), key=lambda call: call.depth):  # from the output back
        inputs = as_functional(model).inputs
        if isinstance(call.operation, keras.layers.Dense):
            return keras.Model(inputs, call.inputs[0], name=model.name)
        if isinstance(call.operation, keras.Model):
            inner = _before_last_dense(call.operation)
            if inner is not None:
                return keras.Model(inputs, inner(*call.inputs), name=model.name)
    return None
