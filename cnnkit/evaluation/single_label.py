"""Evaluation of predictions where each sample has exactly one class."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnkit.evaluation.calibration import Reliability, reliability

NORMAL_QUANTILE = 1.959964  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class Evaluation:
    """Predictions on one split, and what they are worth.

    Attributes:
        labels: True class indices, shape (samples,), int.
        probabilities: Predictions, shape (samples, classes), rows sum to 1.
        class_names: One name a class; numbers become texts.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "class_names", tuple(map(str, self.class_names)))

    @cached_property
    def predicted(self) -> np.ndarray:
        """The most probable class of each sample, shape (samples,), int."""
        return self.probabilities.argmax(axis=1)

    @property
    def is_correct(self) -> np.ndarray:
        """Whether each sample is classified correctly, shape (samples,), bool."""
        return self.predicted == self.labels

    @property
    def scores(self) -> dict[str, float]:
        """The metrics that TensorBoard shows for the test split, by name."""
        return {"accuracy": self.accuracy}

    def predicted_name(self, sample: int) -> str:
        """Return the name of the predicted class.

        Args:
            sample: Index of a sample.

        Returns:
            The name of the class.
        """
        return self.class_names[self.predicted[sample]]

    def true_name(self, sample: int) -> str:
        """Return the name of the true class.

        Args:
            sample: Index of a sample.

        Returns:
            The name of the class.
        """
        return self.class_names[self.labels[sample]]

    @cached_property
    def confidences(self) -> np.ndarray:
        """The probability of the predicted class of each sample, shape (samples,)."""
        return self.probabilities.max(axis=1)

    @cached_property
    def losses(self) -> np.ndarray:
        """Cross-entropy of each sample in nats, shape (samples,)."""
        chosen = self.probabilities[np.arange(len(self.labels)), self.labels]
        return -np.log(np.maximum(chosen, np.finfo(np.float32).tiny))

    @property
    def num_correct(self) -> int:
        """Number of samples that are classified correctly."""
        return int(self.is_correct.sum())

    @property
    def accuracy(self) -> float:
        """The part of the samples that is classified correctly, in [0, 1]."""
        return self.num_correct / len(self.labels)

    @cached_property
    def confusion_matrix(self) -> np.ndarray:
        """Counts, shape (classes, classes): a row a true class, a column a predicted one."""
        classes = len(self.class_names)
        pairs = self.labels * classes + self.predicted
        return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    @property
    def confusion_rates(self) -> np.ndarray:
        """The confusion matrix with rows that sum to 1; NaN for a class without samples."""
        supports = self.confusion_matrix.sum(axis=1, keepdims=True)
        return self.confusion_matrix / np.where(supports > 0, supports, np.nan)

    @cached_property
    def reliability(self) -> Reliability:
        """Confidence and accuracy in 15 bins."""
        return reliability(self.labels, self.probabilities)

    def worst_mistakes(self, count: int) -> np.ndarray:
        """Return the misclassified samples with the highest loss.

        The network gave their true class the lowest probabilities.

        Args:
            count: Maximum number of samples.

        Returns:
            Indices of samples, highest loss first, int.
        """
        wrong = np.flatnonzero(self.predicted != self.labels)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")][:count]

    def most_uncertain(self, count: int) -> np.ndarray:
        """Return the samples whose two most probable classes are closest.

        Args:
            count: Maximum number of samples.

        Returns:
            Indices of samples, closest first, int; correct and wrong ones.
        """
        best = np.partition(self.probabilities, -2, axis=1)[:, -2:]
        return np.argsort(best[:, 1] - best[:, 0], kind="stable")[:count]

    def per_class(self) -> list[dict]:
        """Return precision and recall of each class.

        Returns:
            A dict a class: `name`, `support` (the number of its samples), `precision`, `recall`,
            and their 95 % intervals. Precision is None for a class that was never predicted, recall
            for one without samples.
        """
        rows = []
        for index, name in enumerate(self.class_names):
            hits = int(self.confusion_matrix[index, index])
            support = int(self.confusion_matrix[index].sum())
            predicted = int(self.confusion_matrix[:, index].sum())
            rows.append(
                {
                    "name": name,
                    "support": support,
                    "precision": hits / predicted if predicted else None,
                    "precision_interval": wilson_interval(hits, predicted) if predicted else None,
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
        return {
            "samples": len(self.labels),
            "correct": self.num_correct,
            "accuracy": self.accuracy,
            "accuracy_interval": wilson_interval(self.num_correct, len(self.labels)),
            "loss": float(self.losses.mean()),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "classes": self.per_class(),
            "calibration_error": self.reliability.expected_calibration_error,
        }


def wilson_interval(hits: int, samples: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion (Wilson 1927).

    Args:
        hits: Number of successes, from 0 to `samples`.
        samples: Number of trials, at least 1.

    Returns:
        Both ends of the interval, in [0, 1].

    >>> low, high = wilson_interval(98, 100)
    >>> round(low, 4), round(high, 4)
    (0.93, 0.9945)
    """
    rate, weight = hits / samples, NORMAL_QUANTILE**2 / samples
    centre = (rate + weight / 2) / (1 + weight)
    margin = (
        NORMAL_QUANTILE / (1 + weight) * np.sqrt(rate * (1 - rate) / samples + weight / 4 / samples)
    )
    return max(0.0, float(centre - margin)), min(1.0, float(centre + margin))
