import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from cnnkit.evaluation import likely_mislabelled

pytestmark = pytest.mark.once


def test_by_hand():
    # Thresholds are the means of what samples of a class give it: 0: (0.9 + 0.8 + 0.1) / 3 = 0.6,
    # 1: (0.7 + 0.6) / 2 = 0.65.
    labels = np.array([0, 0, 0, 1, 1])
    first = np.array([0.9, 0.8, 0.1, 0.3, 0.4])
    assert likely_mislabelled(labels, np.stack([first, 1 - first], axis=1)).tolist() == [2]


def test_a_sample_less_sure_than_its_new_class_is_not_listed():
    # The last is taken for class 0 with 0.55 only, less than the threshold of 0.9.
    labels, first = np.array([0, 0, 1, 1]), np.array([0.9, 0.9, 0.1, 0.55])
    assert not len(likely_mislabelled(labels, np.stack([first, 1 - first], axis=1)))


def test_a_class_that_no_sample_bears_is_never_the_better_one():
    probabilities = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    assert not len(likely_mislabelled(np.array([0, 0]), probabilities))


@pytest.mark.slow
def test_finds_digits_whose_labels_were_changed():
    images, labels = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    changed = rng.choice(len(labels), 50, replace=False)
    given = labels.copy()
    given[changed] = (given[changed] + rng.integers(1, 10, 50)) % 10
    probabilities = cross_val_predict(
        LogisticRegression(max_iter=200), images / 16, given, cv=4, method="predict_proba"
    )
    found = likely_mislabelled(given, probabilities)
    # cleanlab 2.9 (filter_by="confident_learning", ranked by "normalized_margin") lists the same 43
    # in the same order, 34 of them changed.
    assert abs(len(found) - 43) <= 3
    assert np.isin(found, changed).sum() >= 32
    assert np.isin(found[:20], changed).mean() > 0.9
