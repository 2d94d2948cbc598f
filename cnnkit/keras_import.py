"""Import Keras without the lines that TensorFlow's native code prints on a machine without GPU."""

import contextlib
import os
from collections.abc import Iterator
from types import ModuleType


def import_keras() -> ModuleType:
    """Import Keras quietly: drop what native code prints, and raise errors as usual.

    If the user sets TF_CPP_MIN_LOG_LEVEL, nothing is dropped.

    Returns:
        The module `keras`.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        import keras  # takes 2 s, and the command line's --help must not pay for it

        return keras
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # else a missing GPU is reported as an error
    # The first lines come before TensorFlow reads that variable.
    with standard_error_dropped():
        import keras  # as above

    return keras


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
