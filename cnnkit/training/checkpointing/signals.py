"""Signals that end a run in good order: after the step in which they come, with a checkpoint."""

import contextlib
import signal
import threading
from collections.abc import Iterator

import keras

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to stop.

    Attributes:
        signal_number: Which signal it was.
    """

    def __init__(self, signal_number: int):
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number


class StopOnSignal(keras.callbacks.Callback):
    """Notes a signal, so that training can save a checkpoint and stop.

    A second signal ends the process at once.

    Attributes:
        received: The number of the signal that came; None while none has.
    """

    def __init__(self):
        super().__init__()
        self.received: int | None = None
        self._handled: tuple[signal.Signals, ...] = ()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals in this context. In a thread other than the main one, do nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python lets the main thread alone set handlers
            return
        # `nohup` has SIGHUP ignored, so that the run outlives its terminal: leave that so.
        self._handled = tuple(
            number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN
        )
        before = {number: signal.signal(number, self._note) for number in self._handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def check(self) -> None:
        """Raise Interrupted if a signal came.

        Raises:
            Interrupted: A signal came.
        """
        if self.received is not None:
            raise Interrupted(self.received)

    def on_predict_batch_end(self, batch, logs=None):
        """Stop after a step of prediction."""
        self.check()

    def _note(self, number, frame):
        self.received = number
        for each in self._handled:
            signal.signal(each, signal.SIG_DFL)  # a second one must not wait for Python's turn
