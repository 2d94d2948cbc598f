"""Measures training time up to the end of each epoch, without the time that testing takes."""

import json
import sys
import time
from collections.abc import Callable

import keras


class Clock(keras.callbacks.Callback):
    """The seconds of training and its validation accuracy up to each epoch's end, without tests.

    A training without Keras calls its methods itself.
    """

    def __init__(self, test: Callable[[], float] | None = None):
        super().__init__()
        self.test, self.epochs, self._left_out = test, [], (0.0, 0.0)

    def on_epoch_begin(self, epoch, logs=None):
        if not epoch:
            self._began = _now()

    def on_epoch_end(self, epoch, logs=None):
        reached = self.since()
        row = {"validation": float(logs["val_accuracy"]), **named(reached)}
        if self.test:
            row["test"] = self.test()
            tested = tuple(b - a for a, b in zip(reached, self.since(), strict=True))
            row |= named([a + b for a, b in zip(reached, tested, strict=True)], "test_")
            self._left_out = tuple(a + b for a, b in zip(self._left_out, tested, strict=True))
        self.epochs.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)

    def tested(self, accuracy: float, of_one_view: float, since: tuple[float, float]) -> list[dict]:
        """Add to the last epoch what came of the test, and return all epochs.

        of_one_view: for the record, what the same weights reach with the images alone.
        """
        found = {"test": accuracy, "test_of_one_view": of_one_view} | named(since, "test_")
        self.epochs[-1] |= found
        return self.epochs

    def since(self) -> tuple[float, float]:
        """Return the seconds by the clock and of the processor from the first step on."""
        return tuple(
            now - began - left_out
            for now, began, left_out in zip(_now(), self._began, self._left_out, strict=True)
        )


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def named(seconds, prefix: str = "") -> dict[str, float]:
    """Return seconds by the clock and of the processor under the names of a row."""
    return dict(zip((f"{prefix}seconds", f"{prefix}processor"), seconds, strict=True))
