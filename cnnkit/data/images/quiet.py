"""Ignore what Pillow and libtiff print about odd files, from any number of threads."""

import contextlib
import ctypes
import functools
import threading
import warnings

from PIL import _imaging


class _IgnoringPillowWarnings:
    """Ignores Pillow's warnings as long as at least one thread is inside.

    `warnings.catch_warnings` alone is not for threads: one that leaves would restore the filters of
    all others.
    """

    def __init__(self):
        self._lock, self._threads, self._filters = threading.Lock(), 0, None

    def __enter__(self):
        with self._lock:
            if self._threads == 0:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module="PIL")
            self._threads += 1

    def __exit__(self, *error):
        with self._lock:
            self._threads -= 1
            if self._threads == 0:
                self._filters.__exit__(None, None, None)


ignoring_pillow_warnings = _IgnoringPillowWarnings()


@functools.cache
def silence_libtiff() -> None:
    """Stop libtiff from printing to standard error; such lines do not name the file.

    Pillow still raises for each file that libtiff cannot decode.
    """
    with contextlib.suppress(OSError, AttributeError):  # a Pillow that hides libtiff's functions
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            set_handler = getattr(library, name)
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            set_handler(None)
