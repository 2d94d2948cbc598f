"""Calibration: whether what a network is sure of to 90 % is right in 90 % of all cases."""

from dataclasses import dataclass

import numpy as np

BINS = 15  # as in Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 2
COLDEST, HOTTEST = 1 / 20, 20.0  # temperatures searched
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in bins of equal width from 0 to 1.

    Each of shape (bins,): counts, int; confidences and accuracies, the means of the samples in a
    bin, NaN in an empty one.
    """

    counts: np.ndarray
    confidences: np.ndarray
    accuracies: np.ndarray

    @property
    def expected_error(self) -> float:
        """The expected calibration error, in [0, 1]: the mean gap, each bin by its samples.

        Guo et al. 2017, equation 3. It depends on the bins, and says nothing of single samples.
        """
        filled = self.counts > 0
        gaps = np.abs(self.confidences - self.accuracies)[filled]
        return float(gaps @ self.counts[filled] / self.counts.sum())


def reliability(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> Reliability:
    """Return how often the predicted classes are right, by how sure the network was of them.

    labels: class indices, shape (samples,). probabilities: shape (samples, classes), rows sum to 1.
    A bin holds what lies above its lower edge, up to and with its upper edge.
    """
    confidences = np.max(probabilities, axis=1)
    right = np.argmax(probabilities, axis=1) == labels
    places = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidences)
    counts = np.bincount(places, minlength=bins)
    sums = (np.bincount(places, values, minlength=bins) for values in (confidences, right))
    with np.errstate(invalid="ignore"):  # an empty bin has no mean
        means = [total / counts for total in sums]
    return Reliability(counts, *means)


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the temperature, from 0.05 to 20, that makes these labels most likely.

    Above 1 the network was too sure of itself. Fit it on validation samples and apply it to others:
    Guo et al. 2017, section 4.2. Arguments: as for `reliability`.
    """
    low, high = np.log(1 / HOTTEST), np.log(1 / COLDEST)

    def loss(exponent):
        scaled = scale_by_temperature(probabilities, float(np.exp(-exponent)))
        return -np.log(np.maximum(scaled[np.arange(len(labels)), labels], 1e-300)).mean()

    # The loss is convex in 1 / temperature, so it has one valley on any scale of it.
    while high - low > 1e-6:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return float(np.exp(-(low + high) / 2))


def scale_by_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the softmax of logits divided by a temperature; which class is first stays the same.

    probabilities: shape (samples, classes); their logarithms are logits up to a constant.

    >>> scale_by_temperature(np.array([[0.8, 0.2]]), 2.0).round(4)
    array([[0.6667, 0.3333]])
    """
    tiny = np.finfo(np.float32).tiny
    logits = np.log(np.maximum(np.asarray(probabilities, np.float64), tiny)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
