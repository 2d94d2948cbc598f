"""95 % intervals: Wilson's for proportions, the bootstrap's for everything else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from cnnkit.evaluation.single_label import wilson_interval

RESAMPLES = 1000
LOW, HIGH = 2.5, 97.5  # per cent
WILSON, BOOTSTRAP = "Wilson", "bootstrap"


@dataclass(frozen=True)
class Measure:
    """A number, and how far chance may have moved it.

    Attributes:
        value: The number; None where there is nothing to measure.
        interval: Both ends of its 95 % interval, or None.
        method: How the interval was found: "Wilson" or "bootstrap"; "" for none.
    """

    value: float | None
    interval: tuple[float, float] | None = None
    method: str = ""

    def as_json(self) -> dict:
        """Return the measure as JSON can hold it."""
        interval = None if self.interval is None else list(self.interval)
        return {"value": self.value, "interval": interval, "method": self.method}


def proportion(hits: int, samples: int) -> Measure:
    """Return a proportion with Wilson's interval.

    Args:
        hits: Number of successes, from 0 to `samples`.
        samples: Number of trials; there is nothing to measure with 0.

    Returns:
        The Measure.
    """
    if not samples:
        return Measure(None)
    return Measure(hits / samples, wilson_interval(int(hits), int(samples)), WILSON)


def bootstrapped(value: float | None, resampled: np.ndarray) -> Measure:
    """Return a number with the interval that its values in resamples give (Efron 1979).

    Args:
        value: Its value for the samples themselves.
        resampled: Its value in each resample, shape (resamples,); NaN where there was none.

    Returns:
        The Measure; its interval is from the 2.5th to the 97.5th percentile.
    """
    known = resampled[np.isfinite(resampled)]
    if value is None or not np.isfinite(value):
        return Measure(None)
    if not len(known):
        return Measure(float(value))
    low, high = np.percentile(known, [LOW, HIGH])
    return Measure(float(value), (float(low), float(high)), BOOTSTRAP)


def resample_weights(
    samples: int, resamples: int = RESAMPLES, seed: int = 0
) -> Iterator[np.ndarray]:
    """Draw samples with replacement, as often as asked.

    Args:
        samples: Number of samples.
        resamples: How many times.
        seed: Draws them; the same seed, the same resamples.

    Yields:
        How often each sample was drawn, shape (samples,), int.
    """
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.bincount(generator.integers(samples, size=samples), minlength=samples)


def over_resamples(
    function: Callable[[np.ndarray], np.ndarray], samples: int, resamples: int, seed: int
) -> np.ndarray:
    """Return what a function gives for each resample.

    Args:
        function: From how often each sample counts, shape (samples,), to an array.
        samples: Number of samples.
        resamples: How many times.
        seed: As of `resample_weights`.

    Returns:
        The arrays, stacked, float64.
    """
    drawn = resample_weights(samples, resamples, seed)
    return np.stack([np.asarray(function(weights), np.float64) for weights in drawn])
