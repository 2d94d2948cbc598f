"""Serves a model on 127.0.0.1 until it is told to stop.

uvicorn does not limit how long a request's head may take. What strangers can reach stands behind a
proxy that does, such as nginx or Caddy.
"""

import contextlib
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from cnnkit.deploy.serve.app import HOSTS, create_app
from cnnkit.deploy.serve.limits import Limits
from cnnkit.deploy.serve.service import Service
from cnnkit.deploy.trained_model import open_trained_model
from cnnkit.errors import SettingError
from cnnkit.runs.run import Run
from cnnkit.transfer.catalogue import BackboneInfo

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
    # asyncio sends at once (TCP_NODELAY) on sockets that name TCP; others wait 40 ms for an ACK.
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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


def serve(
    source: Run | Path | BackboneInfo,
    limits: Limits,
    *,
    port: int = 0,
    hosts: Sequence[str] = (),
    trust: bool = False,
    on_ready: Callable[[str, str], None] = lambda name, address: None,
) -> None:
    """Serve a model until SIGTERM or SIGINT, then answer what has been asked, and return.

    Args:
        source: What `find_source` returned.
        limits: What a request may have.
        port: A port of 127.0.0.1; 0 for any free one.
        hosts: Host names that requests may name, beside those of this machine.
        trust: As `open_trained_model` takes it.
        on_ready: Called with the model's name and the server's address once it listens.

    Raises:
        SettingError: The port is taken, or the model takes arrays.
        CnnkitError: What `open_trained_model` raises.
    """
    with bind(port) as taken:
        trained = open_trained_model(source, trust=trust)
        service = Service(trained, limits)
        service.warm_up()
        config = uvicorn.Config(
            create_app(service, (*HOSTS, *hosts)), log_level="warning", access_log=False,
            server_header=False, lifespan="on", ws="none", proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=max(1, round(2 * limits.timeout)),
        )  # fmt: skip
        address = f"http://{HOST}:{taken.getsockname()[1]}"
        with _signals_end_quietly():
            _Server(config, lambda: on_ready(trained.name, address)).run(sockets=[taken])


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
