"""Measures of predictions where each sample has exactly one class."""

import numpy as np

from cnnkit.evaluation.calibration import binned
from cnnkit.evaluation.intervals import Measure, bootstrapped, over_resamples, proportion
from cnnkit.evaluation.measures import Measures, class_measures
from cnnkit.evaluation.single_label import Evaluation

TOP = 5


def measure_single_label(evaluation: Evaluation, *, resamples: int, seed: int) -> Measures:
    """Measure predictions where each sample has exactly one class.

    Args:
        evaluation: The predictions.
        resamples: How often the bootstrap draws.
        seed: What it draws from.

    Returns:
        The Measures: `accuracy`, `top_5_accuracy` (of more than five classes), `balanced_accuracy`
        (the mean recall of the classes that have samples), `loss`, `f1_macro`, `roc_area`,
        `mean_average_precision` and `calibration_error`.
    """
    labels, chances = evaluation.labels, evaluation.probabilities
    classes = chances.shape[1]
    positives = np.arange(classes) == labels[:, None]
    predicted = np.arange(classes) == evaluation.predicted[:, None]
    rows, means = class_measures(
        evaluation.class_names, positives, predicted, chances, resamples=resamples, seed=seed
    )
    function = _drawn(evaluation)
    values = function(np.ones(len(labels), int))
    drawn = over_resamples(function, len(labels), resamples, seed)
    overall: dict[str, Measure] = {"accuracy": proportion(evaluation.num_correct, len(labels))}
    if classes > TOP:
        overall["top_5_accuracy"] = proportion(_hits(labels, chances), len(labels))
    overall["balanced_accuracy"] = bootstrapped(float(values[0]), drawn[:, 0])
    overall["loss"] = bootstrapped(float(values[1]), drawn[:, 1])
    overall |= means | {"calibration_error": bootstrapped(float(values[2]), drawn[:, 2])}
    return Measures(evaluation, overall, rows, evaluation.reliability, resamples, seed)


def _hits(labels: np.ndarray, chances: np.ndarray) -> int:
    """Return in how many rows the label is among the five most probable classes."""
    best = np.argsort(-chances, axis=1, kind="stable")[:, :TOP]
    return int((best == labels[:, None]).any(axis=1).sum())


def _drawn(evaluation: Evaluation):
    labels, classes = evaluation.labels, evaluation.probabilities.shape[1]
    correct, losses = evaluation.is_correct, evaluation.losses

    def function(weights):
        supports = np.bincount(labels, weights, classes)
        hits = np.bincount(labels, weights * correct, classes)
        present = supports > 0
        reliability = binned(evaluation.confidences, correct, weights)
        return [
            (hits[present] / supports[present]).mean(),
            weights @ losses / len(labels),
            reliability.expected_calibration_error,
        ]

    return function
