"""Runs the application on 127.0.0.1 until it is told to stop."""

import contextlib
import signal
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from cnnkit.errors import SettingError

HOST = "127.0.0.1"
CONNECTIONS = 1024  # at once, those that say nothing counted


def bind(port: int) -> socket.socket:
    """Take a port of 127.0.0.1.

    Args:
        port: 0 for any free one.

    Returns:
        A bound socket, which does not listen yet.

    Raises:
        SettingError: The port is taken, or may not be used.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
    except OSError as error:
        taken.close()
        raise SettingError(
            f"Port {port} of {HOST} cannot be used ({error.strerror}); choose another --port, or "
            "leave it out for a free one."
        ) from None
    return taken


def run(
    app: FastAPI, taken: socket.socket, seconds: float, on_ready: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT, then answer what has been asked, and return.

    Args:
        app: The application.
        taken: What `bind` returned.
        seconds: How long the last answers may take.
        on_ready: Called with the server's address once it listens.
    """
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, lifespan="on", ws="none",
        proxy_headers=False, limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=max(1, round(seconds)),
    )  # fmt: skip
    address = f"http://{HOST}:{taken.getsockname()[1]}"
    with _signals_end_quietly():
        _Server(config, lambda: on_ready(address)).run(sockets=[taken])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]):
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


@contextlib.contextmanager
def _signals_end_quietly():
    """Ignore the signal that uvicorn raises again once it has stopped: the exit status is 0."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
