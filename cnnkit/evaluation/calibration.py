"""Calibration: is a network that is 90 % sure of its answers right in 90 % of them?"""

from dataclasses import dataclass

import numpy as np

BINS = 15  # as in Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 2
MIN_TEMPERATURE, MAX_TEMPERATURE = 1 / 20, 20.0
GOLDEN_RATIO = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Reliability:
    """Confidence and accuracy in bins of equal width, as a reliability diagram shows them.

    Attributes:
        counts: Samples in each bin, shape (bins,), int.
        confidences: Mean confidence of the samples in each bin, shape (bins,), from 0 to 1; NaN in
            an empty bin.
        accuracies: Accuracy of the samples in each bin, shape (bins,), from 0 to 1; NaN in an empty
            bin.
    """

    counts: np.ndarray
    confidences: np.ndarray
    accuracies: np.ndarray

    @property
    def expected_calibration_error(self) -> float:
        """The mean gap between confidence and accuracy, in [0, 1].

        Bins are weighted by their samples (Guo et al. 2017, equation 3). The value depends on the
        number of bins.
        """
        filled = self.counts > 0
        gaps = np.abs(self.confidences - self.accuracies)[filled]
        return float(gaps @ self.counts[filled] / self.counts.sum())


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> Reliability:
    """Compare the confidence of predictions with their accuracy, in bins of equal width.

    Args:
        labels: Class indices, shape (samples,), int.
        probabilities: Predictions, shape (samples, classes), rows sum to 1.
        bins: Number of bins from 0 to 1. A bin includes its upper edge, but not its lower one.

    Returns:
        The counts, confidences and accuracies of the bins.
    """
    correct = np.argmax(probabilities, axis=1) == labels
    return binned(np.max(probabilities, axis=1), correct, bins=bins)


def binned(
    confidences: np.ndarray,
    correct: np.ndarray,
    weights: np.ndarray | None = None,
    bins: int = BINS,
) -> Reliability:
    """Compare confidences with what came true, in bins of equal width.

    Args:
        confidences: Probabilities that were given, shape (answers,), from 0 to 1.
        correct: Whether each answer was right, shape (answers,), bool.
        weights: How often each answer counts, shape (answers,); once unless given.
        bins: As of `reliability`.

    Returns:
        The counts, confidences and accuracies of the bins.
    """
    places = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidences)
    once = np.ones(len(places), int) if weights is None else weights
    counts = np.bincount(places, once, minlength=bins).astype(int)
    sums = (np.bincount(places, once * values, minlength=bins) for values in (confidences, correct))
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        means = [total / counts for total in sums]
    return Reliability(counts, *means)


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the temperature that makes the labels most likely (Guo et al. 2017, section 4.2).

    Fit it on validation samples, and apply it to others with `scale_by_temperature`. Few validation
    samples may give a temperature that makes the calibration of others worse: compare their
    `expected_calibration_error` before and after, and apply it only where it becomes smaller.

    Args:
        labels: Class indices, shape (samples,), int.
        probabilities: Predictions, shape (samples, classes), rows sum to 1.

    Returns:
        The temperature, from 0.05 to 20. Above 1, the network was too sure of its answers.
    """
    low, high = np.log(1 / MAX_TEMPERATURE), np.log(1 / MIN_TEMPERATURE)

    def loss(exponent):
        scaled = scale_by_temperature(probabilities, float(np.exp(-exponent)))
        return -np.log(np.maximum(scaled[np.arange(len(labels)), labels], 1e-300)).mean()

    # The loss is convex in 1 / temperature, so golden-section search finds its only minimum.
    while high - low > 1e-6:
        left, right = high - GOLDEN_RATIO * (high - low), low + GOLDEN_RATIO * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return float(np.exp(-(low + high) / 2))


def scale_by_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the softmax of logits that are divided by a temperature.

    The most probable class stays the same. The logarithms of the probabilities serve as logits,
    from which they differ by a constant.

    Args:
        probabilities: Predictions, shape (samples, classes), rows sum to 1.
        temperature: Above 1 makes predictions less sure, below 1 surer; greater than 0.

    Returns:
        Scaled probabilities, shape (samples, classes), float64.

    >>> scale_by_temperature(np.array([[0.8, 0.2]]), 2.0).round(4)
    array([[0.6667, 0.3333]])
    """
    tiny = np.finfo(np.float32).tiny
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), tiny)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
