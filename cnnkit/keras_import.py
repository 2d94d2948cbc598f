"""Import Keras quietly and quickly.

Quietly: without the lines that TensorFlow's native code prints on a machine without GPU. Quickly:
Keras imports all of scikit-learn for `keras.wrappers`, and pyplot for `keras.visualization`. These two
are imported when they are first used instead. Together with a pause of Python's garbage collector,
which finds nothing among what modules define, this saves half of the time.
"""

import contextlib
import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

PLACES = ("keras", "keras._tf_keras.keras", "keras.src")  # where Keras has parts of these names
PARTS = ("wrappers", "visualization")


def import_keras() -> ModuleType:
    """Import Keras quietly: drop what native code prints, and raise errors as usual.

    If the user sets TF_CPP_MIN_LOG_LEVEL, nothing is dropped. `keras.wrappers` and
    `keras.visualization` are there as usual; their own imports wait until something of them is read.

    Returns:
        The module `keras`.
    """
    with contextlib.ExitStack() as around:
        around.enter_context(_parts_on_first_use())
        if "keras" not in sys.modules:
            around.enter_context(_no_garbage())
        if "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
            os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # else a missing GPU is reported as an error
            # The first lines come before TensorFlow reads that variable.
            around.enter_context(standard_error_dropped())
        import keras  # takes 2 s, and the command line's --help must not pay for it

    return keras


class _OnFirstUse(MetaPathFinder):
    """Finds modules that are executed when an attribute of theirs is first read."""

    def __init__(self, names: frozenset[str]):
        self.names = names

    def find_spec(self, fullname, path, target=None) -> ModuleSpec | None:
        """Return a spec that loads lazily, for the names alone."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname in self.names else None
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


@contextlib.contextmanager
def _parts_on_first_use() -> Iterator[None]:
    finder = _OnFirstUse(frozenset(f"{place}.{part}" for place in PLACES for part in PARTS))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """Keep the garbage collector away from what is imported here, 400,000 objects, then and later."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.freeze()
            gc.enable()


@contextlib.contextmanager
def standard_error_dropped() -> Iterator[None]:
    """Drop what native code prints to the standard error inside the block; Python's errors pass."""
    standard_error = os.dup(2)
    null_device = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null_device, 2)
        yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(null_device)
