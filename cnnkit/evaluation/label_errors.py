"""Label errors: samples whose label a network that never saw them does not believe."""

import numpy as np


def likely_mislabelled(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the indices of samples that are likely to bear a wrong label, least believed first.

    labels: given class indices, shape (samples,). probabilities: out-of-fold, shape (samples,
    classes): each row from a network that was not trained on that sample, as one that was has
    learnt the wrong label by heart.

    A sample is listed where a class other than its label is predicted at least as surely as that
    class is on average for the samples that bear its label: the off-diagonal of the confident joint
    of Northcutt et al. 2021, https://arxiv.org/abs/1911.00068, section 3.1. The order is that of
    the probability of the label less that of the predicted class.

    Not to be trusted alone: rare and hard samples are listed, too. Look at each before you change it.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    classes = probabilities.shape[1]
    believed = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, believed, minlength=classes)
    # No sample bears a class without samples, so none can be shown to belong to it.
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    guess = confident.argmax(axis=1)
    doubted = np.flatnonzero((confident.max(axis=1) >= 0) & (guess != labels))
    margins = believed - probabilities.max(axis=1)
    return doubted[np.argsort(margins[doubted], kind="stable")]
