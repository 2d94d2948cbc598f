"""Model factories: functions `(image_shape, num_classes, *, ...) -> keras.Model`, also by name."""

from cnnkit.models.catalogue import create, entry, names, register
from cnnkit.models.whitening import whitened_convolution, whitening_kernel

__all__ = [
    "create", "entry", "load_weights", "names", "register", "whitened_convolution",
    "whitening_kernel",
]  # fmt: skip


def __getattr__(name):
    # Keras takes seconds to import, and listing names must not pay for it.
    if name == "load_weights":
        from cnnkit.models.weights import load_weights

        return load_weights
    if name in names():
        return entry(name).load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *names()])
