"""Model factories: functions `(image_shape, num_classes, *, ...) -> keras.Model`, also by name."""

import lazy_loader

from cnnkit.models.catalogue import entry, names

_resolve, _names, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name):
    """Return a public name; a factory that was registered has the first claim."""
    return entry(name).load() if name in names() else _resolve(name)


def __dir__():
    return sorted({*_names(), *names()})
