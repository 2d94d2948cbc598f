"""Save a model to memory: HDF5 that meets a full disk may end the process."""

import io

import keras

# Keras has no public way to save a model to memory.
from keras.src.backend.common import global_state
from keras.src.saving.saving_lib import _save_model_to_fileobj, get_attr_skipset

# Kinds of objects in a model, each of which Keras has a list of attributes for that it does not save.
KINDS = ("Layer", "Functional", "Sequential")


def keras_file(model: keras.Model) -> bytes:
    """Return the content of a `.keras` file.

    Args:
        model: Any model that `model.save` saves.
    """
    _remember_attributes()
    content = io.BytesIO()
    _save_model_to_fileobj(model, content, "h5")
    return content.getvalue()


def _remember_attributes() -> None:
    """Let Keras find its lists of attributes, which it makes anew for every layer of every save.

    It remembers a list under one name, and looks for it under another.
    """
    for kind in KINDS:
        name = f"saving_attr_skiplist_{kind}"
        if global_state.get_global_attribute(name) is None:
            global_state.set_global_attribute(name, get_attr_skipset(kind))
