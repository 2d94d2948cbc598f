"""A copy of a model that computes in float32, whatever dtype policies its layers have."""

import contextlib
from collections.abc import Iterator

import keras

from cnnkit.keras_graph.deferred_variables import ObjectSharingScope
from cnnkit.keras_graph.uncompiled import uncompiled

FLOATS = {"float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16"}
POLICIES = {"DTypePolicy", "FloatDTypePolicy"}  # quantised layers have other weights: they stay


def copied_in_float32(model: keras.Model) -> keras.Model:
    """Return a model of the same layers and weights whose every layer computes in float32.

    Args:
        model: Any model that Keras can save. Models inside it count, too.

    Returns:
        A new model, not compiled, with copies of the weights in float32.
    """
    with uncompiled(model):
        configuration = _in_float32(keras.saving.serialize_keras_object(model))
    # Layers of one's own need not be registered: their classes are those of the model at hand.
    classes = {type(layer).__name__: type(layer) for layer in model._flatten_layers()}
    with float32_policy(), ObjectSharingScope():
        copy = keras.saving.deserialize_keras_object(configuration, classes, safe_mode=False)
    copy.set_weights(model.get_weights())
    return copy


@contextlib.contextmanager
def float32_policy() -> Iterator[None]:
    """Build models in float32 inside the block: a model and its inputs have the policy of now."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _in_float32(value, key: str = ""):
    if isinstance(value, dict):
        if value.get("class_name") in POLICIES:
            return "float32"
        return {name: _in_float32(each, name) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_in_float32(each, key) for each in value)
    return "float32" if key == "dtype" and value in FLOATS else value
