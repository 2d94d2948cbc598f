"""MultiLabelEvaluation: what predictions are worth where a sample may have several classes."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnkit.evaluation.single_label import wilson_interval


@dataclass(frozen=True)
class MultiLabelEvaluation:
    """Predictions on one split, of each class by itself; a class is said to be there above 0.5.

    labels: 0 or 1 for each class, shape (samples, classes).
    probabilities: predicted, shape (samples, classes), each in [0, 1].
    class_names: one name a class.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    class_names: tuple[str, ...]

    @property
    def confusion_matrix(self) -> None:
        """None: where classes stand beside each other, no class is taken for another."""
        return None

    @cached_property
    def predicted(self) -> np.ndarray:
        """Which classes are said to be there, bool, shape (samples, classes)."""
        return self.probabilities > 0.5

    @cached_property
    def is_correct(self) -> np.ndarray:
        """Whether all classes of a sample are right, shape (samples,)."""
        return (self.predicted == (self.labels > 0)).all(axis=1)

    @cached_property
    def losses(self) -> np.ndarray:
        """Binary cross-entropy of each sample in nats, the mean of its classes, shape (samples,)."""
        chosen = np.where(self.labels > 0, self.probabilities, 1 - self.probabilities)
        return -np.log(np.maximum(chosen, np.finfo(np.float32).tiny)).mean(axis=1)

    @property
    def scores(self) -> dict[str, float | None]:
        """The measures that a run is told by; None where no class has a sample."""
        precisions = [row["average_precision"] for row in self.per_class()]
        return {"mean_average_precision": _mean(precisions), "exact_match": self.is_correct.mean()}

    def predicted_name(self, sample: int) -> str:
        """Return the classes that the network says a sample has."""
        return self._names(self.predicted[sample])

    def true_name(self, sample: int) -> str:
        """Return the classes that a sample has."""
        return self._names(self.labels[sample] > 0)

    def worst_mistakes(self, count: int) -> np.ndarray:
        """Return the indices of samples with a wrong class or without a right one, worst first."""
        wrong = np.flatnonzero(~self.is_correct)
        return wrong[np.argsort(-self.losses[wrong], kind="stable")][:count]

    def per_class(self) -> list[dict]:
        """Return a row a class: name, support, average precision, F1, precision and recall.

        None stands for what no sample defines: recall and average precision of a class that no
        sample has, precision of one that is never predicted, F1 where both are so.
        """
        rows = []
        for index, name in enumerate(self.class_names):
            labels, predicted = self.labels[:, index] > 0, self.predicted[:, index]
            hits, support, said = (
                int(one.sum()) for one in (labels & predicted, labels, predicted)
            )
            rows.append(
                {
                    "name": name,
                    "support": support,
                    "average_precision": average_precision(labels, self.probabilities[:, index]),
                    "f1": _f1(hits, support, said),
                    "precision": hits / said if said else None,
                    "precision_interval": wilson_interval(hits, said) if said else None,
                    "recall": hits / support if support else None,
                    "recall_interval": wilson_interval(hits, support) if support else None,
                }
            )
        return rows

    def as_results(self) -> dict:
        """Return what results.json says about the split."""
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
    """Return the mean precision at each sample that has the class, when sorted by score.

    labels: bool, shape (samples,); scores: the higher, the surer, shape (samples,). Samples of one
    score come at once. None where no sample has the class.

    >>> average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.3]))
    0.8333333333333333
    """
    if not labels.any():
        return None
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(labels[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of one score each
    gained = np.diff(found[last], prepend=0)
    return float((gained * found[last] / (last + 1)).sum() / found[-1])


def _f1(hits: int, support: int, said: int) -> float | None:
    return 2 * hits / (support + said) if support + said else None


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
