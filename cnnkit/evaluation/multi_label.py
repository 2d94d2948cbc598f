"""Evaluation of predictions where a sample may have any number of classes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnkit.evaluation.single_label import wilson_interval


@dataclass(frozen=True)
class MultiLabelEvaluation:
    """Predictions on one split, and what they are worth; the threshold of each class is 0.5.

    Attributes:
        labels: 0 or 1 for each class, shape (samples, classes).
        probabilities: Predictions, shape (samples, classes), each in [0, 1].
        class_names: One name a class; numbers become texts.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "class_names", tuple(map(str, self.class_names)))

    @property
    def confusion_matrix(self) -> None:
        """None, as no class is confused with another where samples may have several."""
        return None

    @cached_property
    def predicted(self) -> np.ndarray:
        """Which classes are predicted, shape (samples, classes), bool."""
        return self.probabilities > 0.5

    @cached_property
    def is_correct(self) -> np.ndarray:
        """Whether all classes of each sample are correct, shape (samples,), bool."""
        return (self.predicted == (self.labels > 0)).all(axis=1)

    @cached_property
    def losses(self) -> np.ndarray:
        """Binary cross-entropy of each sample in nats, mean over classes, shape (samples,)."""
        chosen = np.where(self.labels > 0, self.probabilities, 1 - self.probabilities)
        return -np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).mean(axis=1)

    @property
    def scores(self) -> dict[str, float | None]:
        """The metrics that TensorBoard shows, by name; None where no class has a sample."""
        precisions = [row["average_precision"] for row in self.per_class()]
        return {"mean_average_precision": _mean(precisions), "exact_match": self.is_correct.mean()}

    def predicted_name(self, sample: int) -> str:
        """Return the names of the predicted classes.

        Args:
            sample: Index of a sample.

        Returns:
            Names, separated by commas; "none" where no class is predicted.
        """
        return self._names(self.predicted[sample])

    def true_name(self, sample: int) -> str:
        """Return the names of the true classes.

        Args:
            sample: Index of a sample.

        Returns:
            Names, separated by commas; "none" for a sample without classes.
        """
        return self._names(self.labels[sample] > 0)

    def worst_mistakes(self, count: int) -> np.ndarray:
        """Return the samples with a wrong or a missing class that have the highest loss.

        Args:
            count: Maximum number of samples.

        Returns:
            Indices of samples, highest loss first, int.
        """
        wrong = np.flatnonzero(~self.is_correct)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")][:count]

    def per_class(self) -> list[dict]:
        """Return average precision, F1, precision and recall of each class.

        Returns:
            A dict a class: `name`, `support` (the number of its samples), `average_precision`,
            `f1`, `precision`, `recall`, and the 95 % intervals of the last two. Recall and average
            precision are None for a class without samples, precision for one that is never
            predicted, and F1 where both hold.
        """
        rows = []
        for index, name in enumerate(self.class_names):
            labels, predicted = self.labels[:, index] > 0, self.predicted[:, index]
            hits, support, positives = (
                int(flags.sum()) for flags in (labels & predicted, labels, predicted)
            )
            rows.append(
                {
                    "name": name,
                    "support": support,
                    "average_precision": average_precision(labels, self.probabilities[:, index]),
                    "f1": _f1(hits, support, positives),
                    "precision": hits / positives if positives else None,
                    "precision_interval": wilson_interval(hits, positives) if positives else None,
                    "recall": hits / support if support else None,
                    "recall_interval": wilson_interval(hits, support) if support else None,
                }
            )
        return rows

    def as_results(self) -> dict:
        """Return everything as JSON can hold it.

        Returns:
            The dict that results.json has for the test split.
        """
        rows, labels = self.per_class(), self.labels > 0
        hits = int((labels & self.predicted).sum())
        correct, samples = int(self.is_correct.sum()), len(labels)
        return {
            "samples": samples,
            "correct": correct,
            "exact_match": correct / samples,
            "exact_match_interval": wilson_interval(correct, samples),
            "mean_average_precision": _mean([row["average_precision"] for row in rows]),
            "f1_macro": _mean([row["f1"] for row in rows]),
            "f1_micro": _f1(hits, int(labels.sum()), int(self.predicted.sum())),
            "loss": float(self.losses.mean()),
            "classes": rows,
        }

    def _names(self, chosen: np.ndarray) -> str:
        return ", ".join(self.class_names[i] for i in np.flatnonzero(chosen)) or "none"


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float | None:
    """Return the mean of the precisions at each sample of the class, in descending order of score.

    Args:
        labels: Whether each sample has the class, shape (samples,), bool.
        scores: Higher means surer, shape (samples,). Samples with equal scores count together.

    Returns:
        The average precision, in [0, 1], as scikit-learn defines it; None where no sample has the
        class.

    >>> average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.3]))
    0.8333333333333333
    """
    if not labels.any():
        return None
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of each score
    gained = np.diff(hits[last], prepend=0)
    return float((gained * hits[last] / (last + 1)).sum() / hits[-1])


def _f1(hits: int, support: int, positives: int) -> float | None:
    return 2 * hits / (support + positives) if support + positives else None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
