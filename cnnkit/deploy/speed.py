"""How fast a classifier answers."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

WARM_UP, CALLS, SECONDS = 3, 50, 1.0
BATCH = 32


@dataclass(frozen=True)
class Speed:
    """How fast a classifier answers on this machine.

    Attributes:
        latency: Median seconds of a call with one sample.
        per_second: Samples a second in batches of 32.
    """

    latency: float
    per_second: float


def speed(classify: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray) -> Speed:
    """Measure a classifier for a few seconds.

    Args:
        classify: From a batch of inputs to probabilities.
        inputs: At least one sample, shape (samples, ...).

    Returns:
        Its speed.
    """
    batch = np.resize(inputs[:BATCH], (BATCH, *inputs.shape[1:])).astype(np.float32)
    latency, seconds = (statistics.median(_seconds(classify, each)) for each in (batch[:1], batch))
    return Speed(latency, BATCH / seconds)


def _seconds(classify: Callable, batch: np.ndarray) -> list[float]:
    """Return the seconds of each of some calls, after a few that are not measured."""
    for _ in range(WARM_UP):
        classify(batch)
    calls: list[float] = []
    began = time.perf_counter()
    while len(calls) < CALLS and time.perf_counter() - began < SECONDS:
        before = time.perf_counter()
        classify(batch)
        calls.append(time.perf_counter() - before)
    return calls
