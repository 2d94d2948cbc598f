"""How a Keras model sees an input: functions that return arrays; cnnkit.plots draws them."""

import importlib

# Keras takes seconds to import, so each name is imported on first use.
_MODULES = ("kernels", "xo")
_PLACES = {
    "Anatomy": "network_anatomy",
    "Field": "receptive_field",
    "Row": "network_anatomy",
    "anatomy": "network_anatomy",
}
__all__ = sorted([*_MODULES, *_PLACES])


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__():
    return __all__
