"""Linear heads on the features of pretrained backbones, compared by cross-validation."""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from cnnkit import transfer
from cnnkit.data.dataset import Dataset
from cnnkit.data.sampling import first_of_each_class
from cnnkit.evaluation.intervals import Measure, proportion
from cnnkit.random_streams import Purpose, random_generator

PENALTIES = (0.01, 0.1, 1.0)  # scikit-learn's C; smaller is a stronger penalty
FOLDS = 5
MOST = 2000  # images that are cross-validated; more rank backbones no better


@dataclass(frozen=True)
class HeadScore:
    """How good a linear head on a backbone's features is.

    Attributes:
        backbone: The backbone's name.
        penalty: scikit-learn's `C`, the best of those tried.
        folds: The accuracy in each fold.
        measure: The part of all images that was right while held out, with Wilson's interval.
    """

    backbone: str
    penalty: float
    folds: tuple[float, ...]
    measure: Measure


def score_backbone(name: str, dataset: Dataset, seed: int = 0) -> HeadScore | None:
    """Return how good a linear head on a backbone is, by cross-validation of the training split.

    Args:
        name: The backbone, with published weights.
        dataset: The images. Only its training split is looked at.
        seed: Draws the images and the folds.

    Returns:
        The score; None where a class has a single image.
    """
    train = dataset.train
    order = random_generator(seed, Purpose.FOLDS, MOST).permutation(len(train))
    chosen = first_of_each_class(train.labels, max(MOST // dataset.num_classes, 2), order)
    height, width, channels = dataset.image_shape
    body = transfer.backbone(name, (height, width, channels))
    rows = transfer.split_features(transfer.feature_extractor(body), train)
    return cross_validate(name, np.asarray(rows[chosen]), train.labels[chosen], seed)


def cross_validate(
    name: str, features: np.ndarray, labels: np.ndarray, seed: int = 0
) -> HeadScore | None:
    """Return the best of a few logistic regressions, by stratified cross-validation.

    Args:
        name: What the features are of.
        features: Shape (samples, features), float.
        labels: Class indices, shape (samples,).
        seed: Draws the folds.

    Returns:
        The score of the best penalty, the strongest among equals; None where a class has a
        single sample.
    """
    counts = np.bincount(labels)
    num_folds = min(FOLDS, int(counts[counts > 0].min()))
    if num_folds < 2:
        return None
    folds = StratifiedKFold(num_folds, shuffle=True, random_state=seed)
    parts = [held for _, held in folds.split(features, labels)]

    def hits(penalty: float) -> np.ndarray:
        model = LogisticRegression(C=penalty, max_iter=200)
        return cross_val_predict(model, features, labels, cv=folds) == labels

    # On a busy machine, threads that wait for each other made this a hundred times as slow.
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # that 200 steps were few ranks no backbone
        right = {penalty: hits(penalty) for penalty in PENALTIES}
    best = max(PENALTIES, key=lambda penalty: right[penalty].sum())
    accuracies = tuple(float(right[best][held].mean()) for held in parts)
    return HeadScore(name, best, accuracies, proportion(int(right[best].sum()), len(labels)))
