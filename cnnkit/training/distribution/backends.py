"""The part of each backend, imported with that backend alone."""

import importlib
from types import ModuleType

import keras

from cnnkit.errors import SettingError

MODULES = {"jax": "on_jax", "tensorflow": "on_tensorflow"}


def of_backend() -> ModuleType:
    """Return the module that shares steps on the backend of this process.

    Raises:
        SettingError: On this backend several devices cannot be used.
    """
    backend = keras.backend.backend()
    if backend not in MODULES:
        raise SettingError(
            f"Several devices train on the backends {' and '.join(MODULES)}, and this one is {backend}: "
            "set KERAS_BACKEND."
        )
    return importlib.import_module(f"{__package__}.{MODULES[backend]}")
