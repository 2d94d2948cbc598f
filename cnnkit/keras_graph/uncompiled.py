"""Let a model and all models inside it look as if they were never compiled, while they are saved."""

import contextlib
from collections.abc import Iterator

import keras

from cnnkit.keras_graph.hooks import replaced

NEVER_COMPILED = {"compiled": False, "optimizer": None}


@contextlib.contextmanager
def uncompiled(model: keras.Model) -> Iterator[None]:
    """Hide optimizer, loss and metrics of a model inside the block.

    Keras saves and copies a compiled model with its optimizer's state and the configuration of its
    loss, also a model that is a layer of another one. Who loads the file then needs the classes of
    all three.

    Args:
        model: Any model. Models inside it count, at every depth, also those that a layer of one's
            own holds.
    """
    with contextlib.ExitStack() as undo:
        for layer in model._flatten_layers():
            if isinstance(layer, keras.Model):
                for attribute, value in NEVER_COMPILED.items():
                    undo.enter_context(replaced(layer, attribute, value))
        yield
