import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from sklearn import metrics

from cnnkit.evaluation import Evaluation, wilson_interval

pytestmark = pytest.mark.once


@st.composite
def evaluations(draw):
    classes, samples = draw(st.integers(2, 6)), draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    probabilities = rng.dirichlet(np.ones(classes), samples)
    names = tuple(f"class {index}" for index in range(classes))
    return Evaluation(rng.integers(0, classes, samples), probabilities, names)


@settings(deadline=None)
@given(evaluations())
def test_counts_as_scikit_learn_does(evaluation):
    labels, predicted = evaluation.labels, evaluation.predicted
    classes = range(len(evaluation.class_names))
    np.testing.assert_array_equal(
        evaluation.confusion_matrix, metrics.confusion_matrix(labels, predicted, labels=classes)
    )
    assert evaluation.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert evaluation.losses.mean() == pytest.approx(
        metrics.log_loss(labels, evaluation.probabilities, labels=classes)
    )
    precision, recall, _, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=np.nan
    )
    for index, row in enumerate(evaluation.per_class()):
        assert row["support"] == support[index]
        for ours, theirs in ((row["precision"], precision), (row["recall"], recall)):
            assert (ours is None) == np.isnan(theirs[index])
            assert ours is None or ours == pytest.approx(theirs[index])


@given(samples=st.integers(1, 5000), part=st.floats(0, 1))
def test_the_interval_is_the_score_interval(samples, part):
    hits = round(part * samples)
    theirs = stats.binomtest(hits, samples).proportion_ci(0.95, method="wilson")
    assert wilson_interval(hits, samples) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_the_worst_mistakes_come_first_and_hits_never():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.01, 0.99]])
    evaluation = Evaluation(np.array([0, 0, 0, 0]), probabilities, ("a", "b"))
    assert evaluation.worst_mistakes(10).tolist() == [3, 1, 2]
    assert evaluation.worst_mistakes(1).tolist() == [3]


def test_the_closest_calls_by_hand():
    probabilities = np.array([[0.9, 0.1, 0.0], [0.45, 0.1, 0.45], [0.1, 0.6, 0.3], [0.0, 0.2, 0.8]])
    evaluation = Evaluation(np.array([0, 1, 2, 0]), probabilities, ("a", "b", "c"))
    assert evaluation.most_uncertain(2).tolist() == [1, 2]


def test_rates_are_those_of_scikit_learn_and_a_class_without_samples_has_none():
    labels = np.array([0, 0, 2, 2, 2])
    evaluation = Evaluation(labels, np.eye(3)[[0, 1, 2, 2, 0]], ("a", "b", "c"))
    expected = metrics.confusion_matrix(labels, [0, 1, 2, 2, 0], labels=range(3), normalize="true")
    np.testing.assert_allclose(evaluation.confusion_rates[[0, 2]], expected[[0, 2]])
    assert np.isnan(evaluation.confusion_rates[1]).all()
    first = evaluation.per_class()[0]
    assert first["precision_interval"] == wilson_interval(1, 2)


def test_a_class_given_no_chance_has_a_finite_loss():
    evaluation = Evaluation(np.array([0]), np.array([[0.0, 1.0]]), ("a", "b"))
    assert np.isfinite(evaluation.losses).all()
