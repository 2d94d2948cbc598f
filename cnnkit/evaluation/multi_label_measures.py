"""Measures of predictions where a sample may have any number of classes."""

import numpy as np

from cnnkit.evaluation.calibration import Reliability, binned
from cnnkit.evaluation.intervals import Measure, bootstrapped, over_resamples, proportion
from cnnkit.evaluation.measures import Measures, class_measures
from cnnkit.evaluation.multi_label import MultiLabelEvaluation


def measure_multi_label(evaluation: MultiLabelEvaluation, *, resamples: int, seed: int) -> Measures:
    """Measure predictions where a sample may have any number of classes; the threshold is 0.5.

    Args:
        evaluation: The predictions.
        resamples: How often the bootstrap draws; it draws samples, with all their labels.
        seed: What it draws from.

    Returns:
        The Measures: `exact_match` (all classes of a sample are right), `label_accuracy` (the part
        of all labels that is right), `balanced_accuracy` (the mean of recall and specificity, over
        the classes that have samples and others), `loss`, `f1_micro`, `f1_macro`, `roc_area`,
        `mean_average_precision` and `calibration_error`.
    """
    positives = evaluation.labels > 0
    rows, means = class_measures(
        evaluation.class_names, positives, evaluation.predicted, evaluation.probabilities,
        resamples=resamples, seed=seed,
    )  # fmt: skip
    samples, ones = len(positives), np.ones(len(positives), int)
    function = _drawn(evaluation)
    drawn = over_resamples(function, samples, resamples, seed)
    names = ("label_accuracy", "balanced_accuracy", "loss", "f1_micro", "calibration_error")
    found = {
        name: bootstrapped(float(value), drawn[:, place])
        for place, (name, value) in enumerate(zip(names, function(ones), strict=True))
    }
    error = found.pop("calibration_error")
    exact = proportion(int(evaluation.is_correct.sum()), samples)
    overall: dict[str, Measure] = {"exact_match": exact} | found | means
    overall["calibration_error"] = error
    return Measures(evaluation, overall, rows, _reliability(evaluation), resamples, seed)


def _reliability(
    evaluation: MultiLabelEvaluation, weights: np.ndarray | None = None
) -> Reliability:
    """Compare the probability of every label with how often it is there."""
    chances, labels = evaluation.probabilities, evaluation.labels > 0
    each = None if weights is None else np.repeat(weights, chances.shape[1])
    return binned(chances.ravel(), labels.ravel(), each)


def _drawn(evaluation: MultiLabelEvaluation):
    labels, predicted, losses = evaluation.labels > 0, evaluation.predicted, evaluation.losses
    right, hits = labels == predicted, labels & predicted
    per_sample = [each.sum(axis=1) for each in (right, hits, labels, predicted)]

    def function(weights):
        agreed, found, there, called = (weights @ each for each in per_sample)
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls = (weights @ hits) / (weights @ labels)
            specificities = (weights @ (right & ~labels)) / (weights @ ~labels)
            balanced = (recalls + specificities) / 2
            f1 = 2 * found / (there + called) if there + called else np.nan
        known = balanced[np.isfinite(balanced)]
        return [
            agreed / labels.size,
            known.mean() if len(known) else np.nan,
            weights @ losses / len(labels),
            f1,
            _reliability(evaluation, weights).expected_calibration_error,
        ]

    return function
