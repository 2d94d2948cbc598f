"""Save a model to memory: HDF5 that meets a full disk may end the process."""

import io

import keras

# Keras has no public way to save a model to memory.
from keras.src.saving.saving_lib import _save_model_to_fileobj


def keras_file(model: keras.Model) -> bytes:
    """Return the content of a `.keras` file.

    Args:
        model: Any model that `model.save` saves.
    """
    content = io.BytesIO()
    _save_model_to_fileobj(model, content, "h5")
    return content.getvalue()
