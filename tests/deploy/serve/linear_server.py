"""A model whose answers NumPy can check, a server for it, and a client."""

import contextlib
import http.client
import io
import json
import threading
import urllib.parse
from dataclasses import dataclass

import numpy as np
import uvicorn
from PIL import Image

from cnnkit.deploy.serve import app, server

SIDE = 8
NAMES = ("cat", "dog", "<b>fox</b>", "owl")


def weights():
    """The only weights of the model: of each pixel and class."""
    return np.random.default_rng(0).normal(0, 5e-4, (SIDE * SIDE * 3, len(NAMES)))


def probabilities(pixels):
    """What the model says of pixels, computed in float64 by NumPy."""
    logits = pixels.reshape(-1).astype(np.float64) @ weights()
    shares = np.exp(logits - logits.max())
    return shares / shares.sum()


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def pictures(count, seed=0):
    """Random pictures of the model's size: pixels, and bytes of a PNG."""
    rng = np.random.default_rng(seed)
    arrays = rng.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
    return [(pixels, png(pixels)) for pixels in arrays]


def form(*files, boundary="some_boundary"):
    """The body of a form, and its headers; each file is (name, bytes)."""
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\n%s\r\n'
        % (boundary.encode(), name.encode(), content)
        for name, content in files
    ]
    body = b"".join(parts) + b"--%s--\r\n" % boundary.encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def checked(prediction, pixels):
    """Whether a prediction is that of these pixels."""
    expected = probabilities(pixels)
    order = np.argsort(-expected)
    assert [each["label"] for each in prediction["top"]] == [NAMES[index] for index in order]
    found = [each["probability"] for each in prediction["top"]]
    np.testing.assert_allclose(found, expected[order], atol=1e-5)
    assert prediction["label"] == NAMES[order[0]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict
    content: bytes

    @property
    def json(self):
        return json.loads(self.content)


class Client:
    """Talks to a server over one connection."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(
            urllib.parse.urlsplit(address).netloc, timeout=60
        )

    def ask(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, headers or {})
        return self.answer()

    def answer(self):
        response = self.connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())

    def predict(self, body, headers=None, top=4):
        return self.ask("POST", f"/predict?top={top}", body, headers)

    def begin(self, content_length, body=b""):
        """Send a head, and less of the body than it promises."""
        self.connection.putrequest("POST", "/predict")
        self.connection.putheader("Content-Length", str(content_length))
        self.connection.endheaders(body)


class Server:
    """A running server, and its clients, whose connections are closed at the end."""

    def __init__(self, address):
        self.address, self._clients = address, []

    def client(self):
        self._clients.append(Client(self.address))
        return self._clients[-1]

    def close_clients(self):
        for client in self._clients:
            client.connection.close()


@contextlib.contextmanager
def serving(service):
    """Serve from a thread, and yield the Server."""
    service.warm_up()
    taken = server.bind(0)
    config = uvicorn.Config(app.create_app(service), log_level="critical", lifespan="on", ws="none")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, args=([taken],))
    thread.start()
    try:
        found = Server(f"http://127.0.0.1:{taken.getsockname()[1]}")
        while not running.started:
            assert thread.is_alive()
        yield found
    finally:
        found.close_clients()
        running.should_exit = True
        thread.join()
        taken.close()
