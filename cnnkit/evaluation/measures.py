"""Measures: everything that predictions on labelled samples say of a classifier, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnnkit.evaluation.calibration import Reliability
from cnnkit.evaluation.curves import Curve, class_areas, precision_recall_curve, roc_curve
from cnnkit.evaluation.intervals import (
    Measure,
    bootstrapped,
    over_resamples,
    proportion,
    resample_weights,
)
from cnnkit.evaluation.multi_label import MultiLabelEvaluation
from cnnkit.evaluation.single_label import Evaluation

FEWEST = (
    100  # resamples of areas, where classes and samples are so many that all would take minutes
)
AREA_WORK = 1e8  # samples * classes * resamples that take some five seconds


@dataclass(frozen=True)
class ClassMeasures:
    """What predictions say of one class against all others.

    Attributes:
        name: The class.
        support: Number of its samples.
        measures: `precision`, `recall`, `f1`, `roc_area` and `average_precision`.
        roc: Its ROC curve; None unless there are samples of the class and others.
        precision_recall: Its precision-recall curve; None without samples of the class.
    """

    name: str
    support: int
    measures: Mapping[str, Measure]
    roc: Curve | None
    precision_recall: Curve | None

    def as_json(self) -> dict:
        """Return everything as JSON can hold it; curves are thinned."""
        measures = {name: each.as_json() for name, each in self.measures.items()}
        curves = {"roc": self.roc, "precision_recall": self.precision_recall}
        return {"name": self.name, "support": self.support, **measures} | {
            f"{name}_curve": curve and _points(curve.thinned()) for name, curve in curves.items()
        }


@dataclass(frozen=True)
class Measures:
    """What predictions on labelled samples say of a classifier.

    Attributes:
        evaluation: The predictions, an Evaluation or a MultiLabelEvaluation.
        overall: Measures of all classes together, by name.
        classes: Measures of each class.
        reliability: Confidence against accuracy; with several classes a sample, probability against
            frequency, over all labels.
        resamples: How often the bootstrap drew; for areas, perhaps fewer times.
        seed: What it drew from.
    """

    evaluation: Evaluation | MultiLabelEvaluation
    overall: Mapping[str, Measure]
    classes: Sequence[ClassMeasures]
    reliability: Reliability
    resamples: int
    seed: int

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.evaluation.labels)

    def as_json(self) -> dict:
        """Return everything as JSON can hold it."""
        filled = self.reliability.counts > 0
        bins = zip(
            self.reliability.counts[filled].tolist(),
            self.reliability.confidences[filled].tolist(),
            self.reliability.accuracies[filled].tolist(),
            strict=True,
        )
        matrix = self.evaluation.confusion_matrix
        return {
            "samples": self.samples,
            **{name: each.as_json() for name, each in self.overall.items()},
            "classes": [each.as_json() for each in self.classes],
            "confusion_matrix": None if matrix is None else matrix.tolist(),
            "calibration": [
                {"samples": count, "confidence": confidence, "accuracy": accuracy}
                for count, confidence, accuracy in bins
            ],
            "bootstrap": {"resamples": self.resamples, "seed": self.seed},
        }


def class_measures(
    names: Sequence[str],
    positives: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray,
    *,
    resamples: int,
    seed: int,
) -> tuple[list[ClassMeasures], dict[str, Measure]]:
    """Measure each class against all others.

    Args:
        names: A name a class.
        positives: Whether each sample has each class, shape (samples, classes), bool.
        predicted: Whether each class is predicted, shape (samples, classes), bool.
        probabilities: Shape (samples, classes).
        resamples: How often the bootstrap draws.
        seed: What it draws from.

    Returns:
        The measures of each class; and means over the classes that have samples: `f1_macro`,
        `roc_area` and `mean_average_precision`.
    """
    samples = len(positives)
    counts = [each.sum(axis=0) for each in (positives & predicted, positives, predicted)]
    draws = int(np.clip(AREA_WORK / max(1, positives.size), min(FEWEST, resamples), resamples))
    cells = [np.nonzero(each) for each in (positives & predicted, positives, predicted)]

    def drawn_f1(weights):
        return _f1(*(np.bincount(column, weights[row], len(names)) for row, column in cells))

    f1 = _f1(*counts)
    drawn = over_resamples(drawn_f1, samples, resamples, seed)
    areas = [each[0] for each in class_areas(positives, probabilities)]
    drawn_areas = class_areas(
        positives, probabilities, lambda: resample_weights(samples, draws, seed)
    )
    rows = []
    for index, name in enumerate(names):
        hits, support, called = (int(each[index]) for each in counts)
        measures = {
            "precision": proportion(hits, called),
            "recall": proportion(hits, support),
            "f1": bootstrapped(f1[index], drawn[:, index]),
            "roc_area": bootstrapped(areas[0][index], drawn_areas[0][:, index]),
            "average_precision": bootstrapped(areas[1][index], drawn_areas[1][:, index]),
        }
        chosen = positives[:, index], probabilities[:, index]
        curves = roc_curve(*chosen), precision_recall_curve(*chosen)
        rows.append(ClassMeasures(str(name), support, measures, *curves))
    present = counts[1] > 0
    means = {"f1_macro": (f1, drawn), "roc_area": (areas[0], drawn_areas[0]),
             "mean_average_precision": (areas[1], drawn_areas[1])}  # fmt: skip
    overall = {
        name: bootstrapped(_mean(value[None, present])[0], _mean(each[:, present]))
        for name, (value, each) in means.items()
    }
    return rows, overall


def _f1(hits, support, called) -> np.ndarray:
    total = support + called
    return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)


def _mean(values: np.ndarray) -> np.ndarray:
    """Return means of rows over what is known; NaN for a row where nothing is."""
    known = np.isfinite(values)
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _points(curve: Curve) -> dict:
    return {"x": curve.x.tolist(), "y": curve.y.tolist(), "area": curve.area}
