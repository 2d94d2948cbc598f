"""The explorer's server: the page, and Keras' answers to it, on this machine alone.

It listens on 127.0.0.1. Its address holds a random token, without which it answers nothing. It refuses
requests that name another host, as those of a foreign page that was pointed at this machine do, and
requests from another origin. It reads no file when it is asked.
"""

import hmac
import json
import secrets
import struct
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from cnnkit.errors import SettingError
from cnnkit.explorer.keras_engine import KerasEngine
from cnnkit.explorer.page import SERVED_POLICY, page_of_server

HOST = "127.0.0.1"
IDLE_SECONDS = 60  # after which a connection that says nothing is closed

# Notebooks on this machine may frame the page; nobody else may.
FRAMES = "frame-ancestors http://127.0.0.1:* http://localhost:*"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"{SERVED_POLICY}; {FRAMES}",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Question = Callable[[KerasEngine, dict[str, str], np.ndarray], bytes]


class Explorer:
    """A page about a network, served until it is closed.

    Args:
        engine: Computes.
        against: Computes another network, which answers the same pictures beside it.
        port: The port; 0 for a free one.

    Attributes:
        address: Where a browser finds the page, with the token that it needs.

    Raises:
        SettingError: The port is taken.
    """

    def __init__(self, engine: KerasEngine, against: KerasEngine | None = None, port: int = 0):
        token = secrets.token_urlsafe(16)
        engines = {"": engine} | ({"against/": against} if against else {})
        try:
            self._server = _Server(engines, token, port)
        except OSError as error:
            raise SettingError(
                f"The explorer cannot listen on port {port}: {error.strerror}; give another --port, "
                "or none for a free one."
            ) from error
        self.address = f"http://{HOST}:{self._server.server_port}/{token}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def __repr__(self):
        return f"<Explorer at {self.address}>"

    def wait(self) -> None:
        """Return when the server is closed."""
        self._thread.join()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def _repr_html_(self) -> str:
        return f'<iframe src="{self.address}" width="100%" height="900" title="explorer" allow="camera"></iframe>'


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, engines: dict[str, KerasEngine], token: str, port: int):
        super().__init__((HOST, port), _Handler)
        self.token = token
        self.lock = threading.Lock()  # hooks on a model's layers are for one thread at a time
        page = page_of_server(engines[""].document.network["name"], len(engines) > 1)
        self.pages = {"": ("text/html; charset=utf-8", page.encode())}
        self.questions: dict[str, tuple[Question, KerasEngine]] = {}
        for prefix, engine in engines.items():
            self.pages[f"{prefix}network.json"] = (
                "application/json", engine.document.json().encode(),
            )  # fmt: skip
            for name, question in QUESTIONS.items():
                self.questions[prefix + name] = question, engine
        self.hosts = {f"{name}:{self.server_port}" for name in (HOST, "localhost")}
        self.largest_body = 4 * max(engine.most_values for engine in engines.values())

    def handle_error(self, request, client_address):
        """Say nothing of a page that was closed while it waited."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "cnnkit", ""
    timeout = IDLE_SECONDS

    def do_GET(self):
        name = self._asked_for()
        if name is None:
            return
        if name not in self.server.pages:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such page here.")
            return
        self._answer(*self.server.pages[name])

    def do_POST(self):
        name = self._asked_for()
        if name is None:
            return
        if name not in self.server.questions:
            self._refuse(HTTPStatus.NOT_FOUND, "There is no such question.")
            return
        values = self._body()
        if values is None:
            return
        words = {key: found[0] for key, found in parse_qs(urlsplit(self.path).query).items()}
        try:
            question, engine = self.server.questions[name]
            with self.server.lock:
                content = question(engine, words, values)
        except (SettingError, KeyError, ValueError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except Exception as error:  # such as too little memory; the page says so and goes on
            reason = f"{type(error).__name__}: {error}"
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"Keras could not compute it: {reason}")
        else:
            self._answer("application/octet-stream", content)

    def _asked_for(self) -> str | None:
        """Return what follows the token; refuse whoever has none, or comes from elsewhere."""
        if self.headers.get("Host", "") not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "This server answers under its own address alone.")
            return None
        origin = self.headers.get("Origin")
        if origin is not None and origin.removeprefix("http://") not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "This server answers its own page alone.")
            return None
        _, token, *rest = [*urlsplit(self.path).path.split("/"), ""]
        if not hmac.compare_digest(token.encode(), self.server.token.encode()) or len(rest) < 2:
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")
            return None
        return "/".join(rest[:-1])

    def _body(self) -> np.ndarray | None:
        """Return the numbers that came with a question."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > self.server.largest_body or int(length) % 4:
            sentence = f"A question comes with up to {self.server.largest_body} bytes of float32."
            self._refuse(HTTPStatus.BAD_REQUEST, sentence)
            return None
        return np.frombuffer(self.rfile.read(int(length)), "<f4")

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        # What was sent along is not read, so the connection cannot go on.
        self.close_connection = True
        self._answer("text/plain; charset=utf-8", sentence.encode(), status)

    def _answer(self, kind: str, content: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *arguments):
        """Print nothing: a line for every stroke of a drawing helps nobody."""


def _forward(engine: KerasEngine, words: dict, values: np.ndarray) -> bytes:
    return _packed(engine.forward(_picture(engine, values), _layers(words)))


def _backward(engine: KerasEngine, words: dict, values: np.ndarray) -> bytes:
    found = engine.backward(_picture(engine, values), int(words["label"]), _layers(words))
    return _packed(found.maps, found.weights, loss=found.loss)


def _score_gradients(engine: KerasEngine, words: dict, values: np.ndarray) -> bytes:
    return _packed(
        engine.score_gradients(_picture(engine, values), int(words["class"]), _layers(words))
    )


def _weight(engine: KerasEngine, words: dict, values: np.ndarray) -> bytes:
    return _packed({"weight": engine.weight(words["layer"], int(words["index"]))})


def _set_weight(engine: KerasEngine, words: dict, values: np.ndarray) -> bytes:
    engine.set_weight(words["layer"], int(words["index"]), values)
    return _packed({})


def _reset(engine: KerasEngine, words: dict, values: np.ndarray) -> bytes:
    engine.reset()
    return _packed({})


QUESTIONS: dict[str, Question] = {
    "forward": _forward, "backward": _backward, "score-gradients": _score_gradients,
    "weight": _weight, "set-weight": _set_weight, "reset": _reset,
}  # fmt: skip


def _layers(words: dict) -> list[str] | None:
    return json.loads(words["layers"]) if "layers" in words else None


def _picture(engine: KerasEngine, values: np.ndarray) -> np.ndarray:
    if values.size != np.prod(engine.input_shape) or not np.isfinite(values).all():
        size = " x ".join(map(str, engine.input_shape))
        raise SettingError(f"A picture has {size} finite numbers, not {values.size}.")
    return values.reshape(engine.input_shape)


def _packed(
    maps: dict[str, np.ndarray],
    weights: dict[str, list[np.ndarray]] | None = None,
    **facts: Any,
) -> bytes:
    """Return the length of a header, the header as JSON, and all arrays as float32."""
    weights = weights or {}
    header = facts | {
        "maps": [{"name": name, "shape": list(array.shape)} for name, array in maps.items()],
        "weights": {name: [list(each.shape) for each in found] for name, found in weights.items()},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)  # arrays begin at a multiple of 4
    arrays = [*maps.values(), *(each for found in weights.values() for each in found)]
    content = [np.ascontiguousarray(array, "<f4").tobytes() for array in arrays]
    return b"".join([struct.pack("<I", len(text)), text, *content])
