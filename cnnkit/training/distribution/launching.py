"""Local workers of one run, over the loopback interface: several machines, tried on one."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

CODE = "from cnnkit.cli import main; main()"
SECONDS_TO_NOTICE = 20.0  # for workers to save and end by themselves, after one has ended
SECONDS_TO_END = 10.0  # from SIGTERM to SIGKILL; one that waits for another hears no SIGTERM
PASSED_ON = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
SHOWN = 2000  # bytes of what a worker printed that is not the first


class Workers:
    """Processes that train together on this machine.

    Args:
        arguments: Those of `cnnkit`, the same for each.
        count: How many workers.

    Attributes:
        processes: The workers; the first writes the run folder, and shows what it prints.
    """

    def __init__(self, arguments: Sequence[str], count: int):
        self.arguments, self.count = list(arguments), count
        self.processes: list[subprocess.Popen] = []
        self._prints: list[IO[bytes] | None] = []
        self._signalled = False

    def work(self) -> int:
        """Let them work until all have ended.

        Returns:
            The exit status: that of the worker whose failure ended the others, or 0.
        """
        with contextlib.ExitStack() as stack:
            # Only the first is shown: the others print the same, or why they cannot work.
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(1, self.count)]
            self._prints = [None, *files]
            stack.enter_context(self._signals_passed_on())
            self._start()
            ended: dict[int, int] = {}
            while not ended:
                time.sleep(0.05)
                ended = self._ended()
            self._end_within(SECONDS_TO_NOTICE if any(ended.values()) else None)
            failed = {number: status for number, status in ended.items() if status}
            failed = failed or {
                number: status for number, status in self._ended().items() if status
            }
            if not self._signalled:
                for number, status in failed.items():
                    self._explain(number, status)
        status = next(iter(failed.values()), 0)
        return 128 - status if status < 0 else status

    def _start(self) -> None:
        address = f"127.0.0.1:{_free_port()}"
        for number, prints in enumerate(self._prints):
            process = subprocess.Popen(
                [sys.executable, "-c", CODE, *self.arguments],
                env=_environment(address, self.count, number),
                stdout=prints, stderr=prints and subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the parent, which passes it on once
            )  # fmt: skip
            self.processes.append(process)

    def _ended(self) -> dict[int, int]:
        found = ((number, each.poll()) for number, each in enumerate(self.processes))
        return {number: status for number, status in found if status is not None}

    def _end_within(self, seconds: float | None) -> None:
        """Wait for all; after some seconds ask them to end, and end at last those that do not."""
        for wait, number in ((seconds, signal.SIGTERM), (SECONDS_TO_END, signal.SIGKILL)):
            if _all_ended(self.processes, wait):
                return
            self._send(number)
        _all_ended(self.processes, None)

    def _send(self, number: int) -> None:
        for each in self.processes:
            with contextlib.suppress(ProcessLookupError):
                each.send_signal(number)

    @contextlib.contextmanager
    def _signals_passed_on(self) -> Iterator[None]:
        def pass_on(number, frame):
            self._signalled = True
            self._send(number)

        before = {number: signal.signal(number, pass_on) for number in PASSED_ON}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._send(signal.SIGKILL)  # where this process itself fails

    def _explain(self, number: int, status: int) -> None:
        """Print which signal ended a worker, or the end of what it printed unseen."""
        prints = self._prints[number]
        if status < 0:
            print(f"{signal.Signals(-status).name} ended worker {number}.", file=sys.stderr)
        elif prints is not None:
            prints.seek(max(prints.seek(0, os.SEEK_END) - SHOWN, 0))
            text = prints.read().decode(errors="replace").strip()
            lines = "".join(f"[{number}] {line}\n" for line in text.splitlines())
            print(lines, end="", file=sys.stderr)


def _all_ended(processes: Sequence[subprocess.Popen], seconds: float | None) -> bool:
    """Wait for processes, and return whether all have ended in time."""
    until = None if seconds is None else time.monotonic() + seconds
    for each in processes:
        try:
            each.wait(None if until is None else max(until - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            return False
    return True


def _environment(address: str, count: int, number: int) -> dict[str, str]:
    path = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    defaults = {"JAX_PLATFORMS": "cpu"}  # two processes cannot share a GPU
    return defaults | os.environ | {
        "PYTHONPATH": path.rstrip(os.pathsep),
        "JAX_COORDINATOR_BIND_ADDRESS": address,  # nobody from outside
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": str(count),
        "KERAS_DISTRIBUTION_PROCESS_ID": str(number),
    }  # fmt: skip


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
