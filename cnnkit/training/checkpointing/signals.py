"""Signals that end a run in good order: at the end of the batch, with everything kept."""

import contextlib
import signal
import threading

import keras

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to stop; `signal_number` is which."""

    def __init__(self, signal_number: int):
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number


class StopOnSignal(keras.callbacks.Callback):
    """Raises Interrupted after the batch in which a signal came; a second signal ends the process."""

    def __init__(self):
        super().__init__()
        self.received: int | None = None

    @contextlib.contextmanager
    def listening(self):
        """Take the signals over for a while; a thread other than the main one may not, and waits."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._note) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def check(self) -> None:
        """Raise Interrupted if a signal came."""
        if self.received is not None:
            raise Interrupted(self.received)

    def on_predict_batch_end(self, batch, logs=None):
        """Stop after a step of prediction."""
        self.check()

    def _note(self, number, frame):
        self.received = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)  # a second one must not wait for Python's turn
