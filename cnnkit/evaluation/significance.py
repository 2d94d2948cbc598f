"""How sure a difference between networks is: over seeds, and over the items of one test split."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special

from cnnkit.errors import SettingError

LEVEL = 0.95  # of all intervals
RESAMPLES = 10_000


class Interval(NamedTuple):
    """A mean with its interval.

    Attributes:
        mean: The mean.
        low: The lower end; None where there are too few values.
        high: The upper end; None where there are too few values.
    """

    mean: float
    low: float | None
    high: float | None


class Difference(NamedTuple):
    """How much more often one network, or group of networks, is right than another.

    Attributes:
        difference: Accuracy of the first less that of the second, in [-1, 1].
        low: Lower end of the 95 % interval; None where the test gives none.
        high: Upper end of the 95 % interval; None where the test gives none.
        p_value: Two-sided probability of such a difference if there were none, in [0, 1].
        test: "McNemar" or "bootstrap".
    """

    difference: float
    low: float | None
    high: float | None
    p_value: float
    test: str


def t_interval(values: Sequence[float]) -> Interval:
    """Return the mean of values and its 95 % interval by Student's t distribution (Student 1908).

    Args:
        values: At least one finite number, such as the accuracy of each seed.

    Returns:
        The mean and the ends of its interval; of a single value there is no interval.

    >>> [round(end, 3) for end in t_interval([0.97, 0.98, 0.99])]
    [0.98, 0.955, 1.005]
    """
    array = np.asarray(values, float)
    mean = float(array.mean())
    if len(array) < 2:
        return Interval(mean, None, None)
    quantile = special.stdtrit(len(array) - 1, (1 + LEVEL) / 2)
    margin = float(quantile * array.std(ddof=1) / np.sqrt(len(array)))
    return Interval(mean, mean - margin, mean + margin)


def mcnemar(first: np.ndarray, second: np.ndarray) -> Difference:
    """Compare two networks on the same items by McNemar's exact test (McNemar 1947).

    Only items that exactly one of the two gets right count.

    Args:
        first: Whether the first network is right about each item, shape (items,), bool.
        second: The same of the second network.

    Returns:
        The difference and its p-value, without an interval.

    Raises:
        SettingError: The two are not about the same number of items, or about none.
    """
    first, second = _one_row(first), _one_row(second)
    _expect_same_items(first, second)
    better = int((first & ~second).sum())
    worse = int((~first & second).sum())
    tail = special.bdtr(min(better, worse), better + worse, 0.5) if better + worse else 1.0
    difference = (better - worse) / first.shape[1]
    return Difference(difference, None, None, min(1.0, 2 * float(tail)), "McNemar")


def paired_bootstrap(
    first: np.ndarray, second: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Compare two groups of networks on the same items by a paired bootstrap (Efron 1979).

    Each resample draws items with replacement, the same for all networks, and networks of each
    group. Its p-value is that of an interval that just touches zero.

    Args:
        first: Whether each network of the first group is right about each item, shape (networks,
            items), bool.
        second: The same of the second group, which may have another number of networks.
        resamples: How many resamples to draw, at least 1.
        seed: Draws them.

    Returns:
        The difference of mean accuracies with its percentile interval and p-value. No p-value is
        below `2 / (resamples + 1)`.

    Raises:
        SettingError: The two are not about the same number of items, or about none.
    """
    groups = np.atleast_2d(np.asarray(first, bool)), np.atleast_2d(np.asarray(second, bool))
    _expect_same_items(*groups)
    items = groups[0].shape[1]
    # Items that the same networks get right are alike: drawing how many of each kind is enough.
    kinds, counts = np.unique(np.concatenate(groups), axis=1, return_counts=True)
    random = np.random.default_rng(seed)
    drawn = random.multinomial(items, counts / items, size=resamples) / items
    accuracies = drawn @ kinds.T.astype(float)  # (resamples, networks)
    split = len(groups[0])
    means = [
        np.take_along_axis(part, random.integers(0, part.shape[1], part.shape), axis=1).mean(axis=1)
        for part in (accuracies[:, :split], accuracies[:, split:])
    ]
    differences = means[0] - means[1]
    tails = ((differences <= 0).sum() + 1, (differences >= 0).sum() + 1)
    p_value = min(1.0, 2 * min(tails) / (resamples + 1))
    low, high = np.quantile(differences, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    difference = float(groups[0].mean() - groups[1].mean())
    return Difference(difference, float(low), float(high), float(p_value), "bootstrap")


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values of several comparisons by Holm's step-down method (Holm 1979).

    Args:
        p_values: Of the comparisons, each in [0, 1].

    Returns:
        The corrected p-values in the same order, each in [0, 1].

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(order), 0, -1)
    steps = np.maximum.accumulate(np.asarray(p_values, float)[order] * factors)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(1.0, steps)
    return corrected.tolist()


def _one_row(correct: np.ndarray) -> np.ndarray:
    return np.asarray(correct, bool).reshape(1, -1)


def _expect_same_items(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape[1] != second.shape[1] or not first.shape[1]:
        raise SettingError(
            "A paired test compares answers about the same items, at least one, not about "
            f"{first.shape[1]} and {second.shape[1]}."
        )
