"""What a server counts, in Prometheus' text form."""

import time

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The counts of one server.

    Attributes:
        waiting: A gauge: inputs that wait for the model. Give it a function.
    """

    def __init__(self):
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "cnnkit_requests", "Requests answered.", ("path", "status"), registry=self._registry
        )
        self._request_seconds = Histogram(
            "cnnkit_request_seconds", "Seconds from a request's head to the end of its answer.",
            ("path",), buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self._batches = Histogram(
            "cnnkit_batch_size", "Inputs that the model computed at once.",
            buckets=SIZES, registry=self._registry,
        )  # fmt: skip
        self._batch_seconds = Histogram(
            "cnnkit_batch_seconds", "Seconds that the model took for a batch.",
            buckets=SECONDS, registry=self._registry,
        )  # fmt: skip
        self.waiting = Gauge(
            "cnnkit_waiting", "Inputs that wait for the model.", registry=self._registry
        )

    def observe_batch(self, size: int, seconds: float) -> None:
        """Count a batch.

        Args:
            size: Its number of inputs.
            seconds: How long the model took.
        """
        self._batches.observe(size)
        self._batch_seconds.observe(seconds)

    def observe_request(self, path: str, status: int, seconds: float) -> None:
        """Count an answer.

        Args:
            path: Of the route; any other path would make a series of its own.
            status: The answer's.
            seconds: From the request's head to the end of the answer.
        """
        self._requests.labels(path, status).inc()
        self._request_seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """Return all counts in Prometheus' text form."""
        return generate_latest(self._registry)


class CountedRequests:
    """Counts every answer of an application.

    Args:
        app: The application.
        metrics: Where to count.
        paths: Those that are counted by name; all others are "other".
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]):
        self._app, self._metrics, self._paths = app, metrics, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        began, status = time.monotonic(), 500

        async def remember(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        path = scope["path"] if scope["path"] in self._paths else "other"
        try:
            await self._app(scope, receive, remember)
        finally:
            self._metrics.observe_request(path, status, time.monotonic() - began)
