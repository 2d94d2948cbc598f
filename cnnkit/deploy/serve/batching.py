"""Batches the inputs of concurrent requests, by time and by size."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np


class QueueFull(Exception):
    """More inputs wait for the model than may."""


class _Waiting(NamedTuple):
    sample: Any
    answer: asyncio.Future
    since: float


class Batcher:
    """Collects inputs and computes them in batches, one batch at a time.

    A batch starts when the model is idle and `max_batch` inputs wait, or the first of them has
    waited `max_wait` seconds. So a busy model never waits: all that arrives while it computes one
    batch is in the next.

    Args:
        compute: Takes a list of samples and returns an array with a row a sample. It is called in a
            thread of its own, always the same.
        max_batch: Samples of a batch, at most.
        max_wait: Seconds that a sample waits for others while the model is idle.
        max_queue: Samples that may wait.
        observe: Called after each batch with its size and the seconds that it took.
    """

    def __init__(
        self,
        compute: Callable[[list], np.ndarray],
        *,
        max_batch: int,
        max_wait: float,
        max_queue: int,
        observe: Callable[[int, float], None] = lambda size, seconds: None,
    ):
        self._compute, self._observe = compute, observe
        self._max_batch, self._max_wait, self._max_queue = max_batch, max_wait, max_queue
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._enough = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    @property
    def waiting(self) -> int:
        """How many samples wait for the model."""
        return len(self._waiting)

    async def __aenter__(self) -> "Batcher":
        self._task = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *error) -> None:
        """Stop; whoever still waits gets a CancelledError."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for waiting in self._waiting:
            waiting.answer.cancel()
        self._thread.shutdown()

    async def submit(self, samples: Sequence) -> list[np.ndarray]:
        """Compute samples, with those of others.

        Args:
            samples: At least one; all of them are taken, or none.

        Returns:
            The row of each sample, in their order.

        Raises:
            QueueFull: Too many wait already.
            Exception: What `compute` raises.
        """
        if len(self._waiting) + len(samples) > self._max_queue:
            raise QueueFull
        loop, now = asyncio.get_running_loop(), time.monotonic()
        entries = [_Waiting(sample, loop.create_future(), now) for sample in samples]
        self._waiting.extend(entries)
        self._arrived.set()
        if len(self._waiting) >= self._max_batch:
            self._enough.set()
        try:
            return await asyncio.gather(*(entry.answer for entry in entries))
        finally:  # whoever gives up waits no longer
            for entry in entries:
                entry.answer.cancel()

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            await self._wait_for_others()
            batch = self._take()
            if batch:
                await self._answer(batch)

    async def _wait_for_others(self) -> None:
        if len(self._waiting) >= self._max_batch or not self._waiting:
            return
        self._enough.clear()
        remaining = self._waiting[0].since + self._max_wait - time.monotonic()
        if remaining > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), remaining)

    def _take(self) -> list[_Waiting]:
        """Take the next batch off the queue, without those whose requests have given up."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._max_batch:
            entry = self._waiting.popleft()
            if not entry.answer.done():
                batch.append(entry)
        if not self._waiting:
            self._arrived.clear()
        return batch

    async def _answer(self, batch: list[_Waiting]) -> None:
        began = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            samples = [entry.sample for entry in batch]
            rows = await loop.run_in_executor(self._thread, self._compute, samples)
            answers = list(zip(batch, rows, strict=True))
        except Exception as error:  # one bad batch must not end the server
            for entry in batch:
                if not entry.answer.done():
                    entry.answer.set_exception(error)
            return
        self._observe(len(batch), time.monotonic() - began)
        for entry, row in answers:
            if not entry.answer.done():
                entry.answer.set_result(row)
