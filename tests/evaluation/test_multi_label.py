import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn import metrics

from cnnkit.evaluation import MultiLabelEvaluation, wilson_interval

pytestmark = pytest.mark.once


@st.composite
def evaluations(draw):
    classes, samples = draw(st.integers(2, 5)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    probabilities = rng.uniform(0.01, 0.99, (samples, classes))
    if draw(st.booleans()):  # ties
        probabilities = probabilities.round(1).clip(0.01, 0.99)
    labels = (rng.uniform(size=(samples, classes)) < draw(st.floats(0, 1))).astype(np.float32)
    names = tuple(f"class {index}" for index in range(classes))
    return MultiLabelEvaluation(labels, probabilities, names)


@settings(deadline=None)
@given(evaluations())
def test_measures_as_scikit_learn_does(evaluation):
    labels, results = evaluation.labels, evaluation.as_results()
    predicted = evaluation.probabilities > 0.5
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, average=None, zero_division=np.nan
    )
    columns = {"precision": precision, "recall": recall, "f1": f1}
    columns["average_precision"] = [
        metrics.average_precision_score(labels[:, index], evaluation.probabilities[:, index])
        if labels[:, index].any()
        else np.nan
        for index in range(labels.shape[1])
    ]
    for index, row in enumerate(results["classes"]):
        assert row["support"] == support[index]
        for name, theirs in columns.items():
            assert (row[name] is None) == np.isnan(theirs[index]), name
            assert row[name] is None or row[name] == pytest.approx(theirs[index]), name
    assert results["exact_match"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert results["loss"] == pytest.approx(
        np.mean([metrics.log_loss(labels[:, i], evaluation.probabilities[:, i], labels=[0, 1])
                 for i in range(labels.shape[1])])
    )  # fmt: skip
    if labels.any() or predicted.any():
        micro = metrics.f1_score(labels, predicted, average="micro")
        assert results["f1_micro"] == pytest.approx(micro)


def test_means_leave_out_what_no_sample_defines():
    labels = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0]], np.float32)
    probabilities = np.array([[0.9, 0.1, 0.6], [0.2, 0.1, 0.3], [0.4, 0.1, 0.2]])
    results = MultiLabelEvaluation(labels, probabilities, ("a", "b", "c")).as_results()
    assert results["mean_average_precision"] == pytest.approx((1 + 2 / 3) / 2)  # of a alone
    assert results["f1_macro"] == pytest.approx((2 / 3 + 0) / 2)  # of a and c
    first = results["classes"][0]
    assert first["recall_interval"] == wilson_interval(1, 2)
    assert first["precision_interval"] == wilson_interval(1, 1)


def test_the_worst_mistakes_come_first_and_hits_never():
    labels = np.array([[1, 0], [1, 1], [0, 0], [0, 1]], np.float32)
    probabilities = np.array([[0.9, 0.1], [0.9, 0.4], [0.99, 0.1], [0.1, 0.51]])
    evaluation = MultiLabelEvaluation(labels, probabilities, ("a", "b"))
    assert evaluation.worst_mistakes(10).tolist() == [2, 1]
    assert [evaluation.predicted_name(2), evaluation.true_name(2)] == ["a", "none"]
    assert evaluation.true_name(1) == "a, b"
