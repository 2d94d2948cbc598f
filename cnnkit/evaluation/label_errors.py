"""Label errors: samples whose label disagrees with a network that never saw them."""

import numpy as np


def likely_mislabelled(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the samples that are likely to have a wrong label, the least believed first.

    These are the off-diagonal samples of the confident joint of Northcutt et al. 2021,
    https://arxiv.org/abs/1911.00068, section 3.1. Such a sample has a high probability of a class
    that is not its label: at least the mean probability of that class among the samples labelled
    with it.

    Rare and hard samples are listed, too. Look at each sample before you change its label.

    Args:
        labels: Class indices, shape (samples,), int.
        probabilities: Out-of-fold predictions, shape (samples, classes): each row is from a network
            that was not trained on that sample. A network that was may have memorised a wrong
            label.

    Returns:
        Indices of samples, shape (likely errors,), int, in ascending order of the probability of
        the label minus that of the predicted class.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    classes = probabilities.shape[1]
    label_probabilities = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=classes)
    sums = np.bincount(labels, label_probabilities, minlength=classes)
    # A class without samples has no mean probability, so no sample can be shown to belong to it.
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    likeliest = confident.argmax(axis=1)
    doubted = np.flatnonzero((confident.max(axis=1) >= 0) & (likeliest != labels))
    margins = label_probabilities - probabilities.max(axis=1)
    return doubted[np.argsort(margins[doubted], kind="stable")]
