"""Model factories: functions `(image_shape, num_classes, *, ...) -> keras.Model`, also by name."""

import importlib

from cnnkit.models.catalogue import create, entry, names, register
from cnnkit.models.whitening import whitened_convolution, whitening_kernel

__all__ = [
    "create", "entry", "load_weights", "names", "register", "whitened_convnet",
    "whitened_convolution", "whitened_resnet", "whitening_kernel",
]  # fmt: skip


# Keras takes seconds to import, and listing names must not pay for it.
LATER = {
    "load_weights": "weights",
    "whitened_convnet": "families.whitened_convnet",
    "whitened_resnet": "families.whitened_resnet",
}


def __getattr__(name):
    if name in LATER:
        return getattr(importlib.import_module(f"{__name__}.{LATER[name]}"), name)
    if name in names():
        return entry(name).load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *names()])
