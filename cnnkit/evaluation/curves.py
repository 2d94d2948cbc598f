"""ROC and precision-recall curves of each class, and the areas under them.

The area under the ROC curve is the probability that a sample of the class has a higher score than one
that is not of it, ties counting one half. That under the precision-recall curve is the average
precision, without interpolation. Both are as scikit-learn defines them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

DRAWN = 200  # points of a curve that files and pictures keep
BLOCK = 1 << 21  # numbers in memory at once, where many classes are ranked


@dataclass(frozen=True)
class Curve:
    """A curve, and the area under it.

    Attributes:
        x: False positive rates, or recalls, rising, shape (points,).
        y: True positive rates, or precisions, shape (points,).
        area: The area under the curve, from 0 to 1.
    """

    x: np.ndarray
    y: np.ndarray
    area: float

    def thinned(self, points: int = DRAWN) -> "Curve":
        """Return the curve with fewer points, for a file or a picture.

        Args:
            points: How many to keep, at least 2; the first and the last are among them.

        Returns:
            The same curve if it has no more points; the area stays that of all points.
        """
        if len(self.x) <= points:
            return self
        kept = np.unique(np.linspace(0, len(self.x) - 1, points).round().astype(int))
        return Curve(self.x[kept], self.y[kept], self.area)


class Ranking:
    """Samples in descending order of their scores, for each of some classes.

    Args:
        positives: Whether each sample has each class, shape (samples, classes), bool.
        scores: Higher means surer, shape (samples, classes).
    """

    def __init__(self, positives: np.ndarray, scores: np.ndarray):
        self.order = np.argsort(-scores, axis=0, kind="stable")
        ranked = np.take_along_axis(scores, self.order, axis=0)
        self.positives = np.take_along_axis(positives, self.order, axis=0)
        is_last = np.ones(ranked.shape, bool)  # of the samples with its score
        is_last[:-1] = np.diff(ranked, axis=0) != 0
        self.has_ties = not is_last.all()
        places = np.where(is_last, np.arange(len(ranked))[:, None], len(ranked))
        self.last = np.minimum.accumulate(places[::-1], axis=0)[::-1]

    def counts(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return how many samples have at least each score.

        Args:
            weights: How often each sample counts, shape (samples,); once unless given.

        Returns:
            True and false positives at each sample's score, shape (samples, classes), float64.
        """
        ranked = np.ones(self.order.shape) if weights is None else weights[self.order].astype(float)
        hits = np.cumsum(ranked * self.positives, axis=0)
        others = np.cumsum(ranked, axis=0) - hits
        if not self.has_ties:
            return hits, others
        return (
            np.take_along_axis(hits, self.last, axis=0),
            np.take_along_axis(others, self.last, axis=0),
        )

    def areas(self, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the areas under the ROC and the precision-recall curve of each class.

        Args:
            weights: As of `counts`.

        Returns:
            Two arrays of shape (classes,); NaN where a class has no sample, or (ROC) no other.
        """
        hits, others = self.counts(weights)
        gained = np.diff(hits, axis=0, prepend=0)
        steps = np.diff(others, axis=0, prepend=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            roc = (steps * (hits - gained / 2)).sum(axis=0) / (hits[-1] * others[-1])
            precisions = np.where(hits > 0, hits / (hits + others), 0)
            average_precision = (gained * precisions).sum(axis=0) / hits[-1]
        return roc, average_precision


def class_areas(
    positives: np.ndarray,
    scores: np.ndarray,
    draws: Callable[[], Iterable[np.ndarray | None]] = lambda: [None],
) -> tuple[np.ndarray, np.ndarray]:
    """Return the areas of all classes, for every resample.

    Args:
        positives: Whether each sample has each class, shape (samples, classes), bool.
        scores: Higher means surer, shape (samples, classes).
        draws: Returns the resamples, each as `Ranking.counts` takes it; the samples themselves
            unless given. It is called more than once where all classes do not fit in memory.

    Returns:
        Areas under the ROC and under the precision-recall curve, shape (resamples, classes); NaN
        where a class has no sample, or (ROC) no other.
    """
    width = max(1, BLOCK // max(len(scores), 1))
    blocks = []
    for start in range(0, scores.shape[1], width):
        part = slice(start, start + width)
        ranking = Ranking(positives[:, part], scores[:, part])
        rows = [ranking.areas(weights) for weights in draws()]
        blocks.append([np.stack(column) for column in zip(*rows, strict=True)])
    roc, average_precision = zip(*blocks, strict=True)
    return np.concatenate(roc, axis=1), np.concatenate(average_precision, axis=1)


def roc_curve(positives: np.ndarray, scores: np.ndarray) -> Curve | None:
    """Return the true against the false positive rate, over all thresholds.

    Args:
        positives: Whether each sample has the class, shape (samples,), bool.
        scores: Higher means surer, shape (samples,).

    Returns:
        The curve, from (0, 0) to (1, 1); None unless there are samples of the class and others.
    """
    hits, others, ranking = _thresholds(positives, scores)
    if not hits[-1] or not others[-1]:
        return None
    x, y = np.append(0, others / others[-1]), np.append(0, hits / hits[-1])
    return Curve(x, y, float(ranking.areas()[0][0]))


def precision_recall_curve(positives: np.ndarray, scores: np.ndarray) -> Curve | None:
    """Return the precision against the recall, over all thresholds.

    Args:
        positives: Whether each sample has the class, shape (samples,), bool.
        scores: Higher means surer, shape (samples,).

    Returns:
        The curve, which begins at recall 0 with precision 1; None if there is no sample of the
        class. Its area is the average precision.
    """
    hits, others, ranking = _thresholds(positives, scores)
    if not hits[-1]:
        return None
    x, y = np.append(0, hits / hits[-1]), np.append(1, hits / (hits + others))
    return Curve(x, y, float(ranking.areas()[1][0]))


def _thresholds(positives: np.ndarray, scores: np.ndarray) -> tuple:
    """Return true and false positives at each threshold, the highest first, and the ranking."""
    ranking = Ranking(np.asarray(positives, bool)[:, None], np.asarray(scores)[:, None])
    kept = np.unique(ranking.last[:, 0])
    hits, others = ranking.counts()
    return hits[kept, 0], others[kept, 0], ranking
