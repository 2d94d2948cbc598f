"""Importing Keras without the lines that TensorFlow's native code prints on a machine without GPU."""

import contextlib
import os
from collections.abc import Iterator


def import_keras() -> None:
    """Import Keras; errors are raised as ever, only what native code prints is dropped.

    TF_CPP_MIN_LOG_LEVEL, where the user sets it, keeps everything as it is.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # else a missing GPU is reported as an error
    # The first lines come before TensorFlow reads that variable.
    with _standard_error_dropped():
        import keras  # noqa: F401


@contextlib.contextmanager
def _standard_error_dropped() -> Iterator[None]:
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
