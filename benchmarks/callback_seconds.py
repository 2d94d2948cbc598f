"""Measures the time that a training spends in its callbacks, and their share of an epoch."""

import contextlib
import statistics
import time
from collections.abc import Callable

from cnnkit.training.checkpointing.callback_list import ResumableCallbacks


class CallbackSeconds:
    """The seconds of each call, by the method of the list of callbacks that is called."""

    METHODS = (
        "on_train_batch_begin", "on_train_batch_end", "on_test_batch_begin", "on_test_batch_end",
        "on_epoch_end",
    )  # fmt: skip

    def __init__(self):
        self.seconds = {name: [] for name in self.METHODS}

    @contextlib.contextmanager
    def noted(self):
        """Note every call made inside this context."""
        originals = {name: getattr(ResumableCallbacks, name) for name in self.METHODS}
        try:
            for name, original in originals.items():
                setattr(ResumableCallbacks, name, self._noting(name, original))
            yield
        finally:
            for name, original in originals.items():
                setattr(ResumableCallbacks, name, original)

    def _noting(self, name: str, original: Callable) -> Callable:
        def note(*arguments):
            began = time.perf_counter()
            original(*arguments)
            self.seconds[name].append(time.perf_counter() - began)

        return note

    def medians(self) -> dict[str, float]:
        return {name: statistics.median(found) for name, found in self.seconds.items()}


def seconds_a_step(medians: dict[str, float]) -> float:
    return medians["on_train_batch_begin"] + medians["on_train_batch_end"]


def seconds_an_epoch(medians: dict[str, float], steps: float, validation_steps: float) -> float:
    """Return what callbacks take of an epoch of that many steps."""
    tested = medians["on_test_batch_begin"] + medians["on_test_batch_end"]
    return steps * seconds_a_step(medians) + validation_steps * tested + medians["on_epoch_end"]
