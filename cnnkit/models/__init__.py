"""Model factories, functions `(image_shape, num_classes, *, ...) -> keras.Model`, and tools for them."""

import lazy_loader

from cnnkit.models.catalogue import entry, names

_resolve, _names, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name):
    """Return a registered factory, or another public name."""
    return entry(name).load() if name in names() else _resolve(name)


def __dir__():
    return sorted({*_names(), *names()})
