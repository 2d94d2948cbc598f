"""`measure`: everything that predictions on labelled samples say, of either task."""

from collections.abc import Sequence

import numpy as np

from cnnkit.errors import SettingError
from cnnkit.evaluation.intervals import RESAMPLES
from cnnkit.evaluation.measures import Measures
from cnnkit.evaluation.tasks import task_of_labels
from cnnkit.settings import expect_counts


def measure(
    labels: np.ndarray,
    probabilities: np.ndarray,
    class_names: Sequence[str] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Measures:
    """Measure a classifier's predictions, each number with a 95 % interval.

    Proportions have Wilson's interval. All others have that of the bootstrap, which draws samples
    with replacement: percentiles 2.5 and 97.5. Values are as scikit-learn's metrics give them.

    Args:
        labels: Class indices, shape (samples,), int; or, where a sample may have any number of
            classes, 0 and 1 for each, shape (samples, classes).
        probabilities: Predictions, shape (samples, classes), in [0, 1].
        class_names: A name a class; numbers unless given.
        resamples: How often the bootstrap draws, at least 1.
        seed: What it draws from.

    Returns:
        The Measures, with those of each class and their curves.

    Raises:
        SettingError: There are no samples, or the shapes do not fit each other.

    >>> found = measure(np.array([0, 1, 1, 0]), np.array([[.9, .1], [.2, .8], [.6, .4], [.7, .3]]))
    >>> found.overall["accuracy"].value, found.classes[1].measures["recall"].value
    (0.75, 0.5)
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
    expect_counts(resamples=resamples)
    if not len(labels) or probabilities.ndim != 2 or len(labels) != len(probabilities):
        raise SettingError(
            "There must be a row of probabilities for each label, and at least one: labels have "
            f"shape {labels.shape}, and probabilities {probabilities.shape}."
        )
    classes = probabilities.shape[1]
    if labels.ndim == 2 and labels.shape[1] != classes:
        raise SettingError(f"Labels have {labels.shape[1]} classes, and probabilities {classes}.")
    if labels.ndim == 1 and not 0 <= labels.min() <= labels.max() < classes:
        raise SettingError(
            f"Labels are from 0 to {classes - 1}, not {labels.min()} to {labels.max()}."
        )
    names = tuple(map(str, class_names or range(classes)))
    if len(names) != classes:
        raise SettingError(f"There are {len(names)} names for {classes} classes.")
    task = task_of_labels(labels)
    return task.measure(labels, probabilities, names, resamples=resamples, seed=seed)
