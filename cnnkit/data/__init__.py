"""Loaders: functions that return a Dataset, also by name."""

from cnnkit.data.catalogue import entry, load, names, register
from cnnkit.data.dataset import Dataset, Split

__all__ = ["Dataset", "Split", "entry", "load", "names", "register"]


def __getattr__(name):
    if name in names():
        return entry(name).load()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*__all__, *names()])
