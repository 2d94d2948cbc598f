"""Measures are scikit-learn's, and their intervals SciPy's."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from cnnkit import evaluation
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once

CLASSES = 7


@pytest.fixture(scope="module")
def single():
    """Labels and probabilities; class 5 has no sample, class 6 is never predicted, some rows tie."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, 300)
    labels[labels == 5] = 0
    logits = rng.normal(size=(300, CLASSES)) + 1.5 * np.eye(CLASSES)[labels]
    logits[:, 6] -= 9
    logits[:40] = logits[0]
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, chances


@pytest.fixture(scope="module")
def several():
    rng = np.random.default_rng(1)
    labels = (rng.random((200, 4)) < [0.5, 0.2, 0.1, 0]).astype(float)
    chances = 1 / (1 + np.exp(-rng.normal(size=(200, 4)) - 2 * labels + 1))
    return labels, chances.round(2)  # many equal scores


@pytest.fixture(scope="module")
def found(single):
    return evaluation.measure(*single)


@pytest.fixture(scope="module")
def found_several(several):
    return evaluation.measure(*several)


def test_overall_values_of_one_class_a_sample(single, found):
    labels, chances = single
    predicted, everything = chances.argmax(axis=1), range(CLASSES)
    present = [0, 1, 2, 3, 4, 6]
    areas = [metrics.roc_auc_score(labels == k, chances[:, k]) for k in present]
    precisions = [metrics.average_precision_score(labels == k, chances[:, k]) for k in present]
    expected = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "top_5_accuracy": metrics.top_k_accuracy_score(labels, chances, k=5, labels=everything),
        "balanced_accuracy": metrics.recall_score(
            labels, predicted, labels=present, average="macro", zero_division=0
        ),
        "loss": metrics.log_loss(labels, chances, labels=everything),
        "f1_macro": metrics.f1_score(labels, predicted, labels=present, average="macro"),
        "roc_area": np.mean(areas),
        "mean_average_precision": np.mean(precisions),
    }
    for name, value in expected.items():
        assert found.overall[name].value == pytest.approx(value, abs=1e-9), name
    assert set(found.overall) == {*expected, "calibration_error"}
    error = evaluation.reliability(labels, chances).expected_calibration_error
    assert found.overall["calibration_error"].value == pytest.approx(error)


def test_values_of_each_class(single, found):
    labels, chances = single
    predicted = chances.argmax(axis=1)
    rows = metrics.precision_recall_fscore_support(
        labels, predicted, labels=range(CLASSES), zero_division=np.nan
    )
    for each, precision, recall, f1, support in zip(found.classes, *rows, strict=True):
        values = {name: measure.value for name, measure in each.measures.items()}
        assert each.support == support
        assert values["precision"] == (None if np.isnan(precision) else pytest.approx(precision))
        assert values["recall"] == (None if np.isnan(recall) else pytest.approx(recall))
        assert values["f1"] == (None if np.isnan(f1) else pytest.approx(f1))
        if support:
            mine = labels == int(each.name), chances[:, int(each.name)]
            assert values["roc_area"] == pytest.approx(metrics.roc_auc_score(*mine))
            area = metrics.average_precision_score(*mine)
            assert values["average_precision"] == pytest.approx(area)
    assert found.classes[5].roc is found.classes[5].precision_recall is None


def test_curves_pass_through_the_points_of_scikit_learn(several):
    labels, chances = several[0][:, 0] > 0, several[1][:, 0]
    roc = evaluation.roc_curve(labels, chances)
    x, y, _ = metrics.roc_curve(labels, chances, drop_intermediate=False)
    np.testing.assert_allclose([roc.x, roc.y], [x, y])
    assert roc.area == pytest.approx(metrics.roc_auc_score(labels, chances))
    curve = evaluation.precision_recall_curve(labels, chances)
    y, x, _ = metrics.precision_recall_curve(labels, chances)
    np.testing.assert_allclose([curve.x, curve.y], [x[::-1], y[::-1]])
    thin = curve.thinned(10)
    assert len(thin.x) == 10
    assert (thin.x[0], thin.x[-1], thin.area) == (0, 1, curve.area)


def test_values_of_several_classes_a_sample(several, found_several):
    labels, chances = several
    predicted = chances > 0.5
    balanced = [metrics.balanced_accuracy_score(labels[:, k], predicted[:, k]) for k in range(3)]
    expected = {
        "exact_match": metrics.accuracy_score(labels, predicted),
        "label_accuracy": 1 - metrics.hamming_loss(labels, predicted),
        "balanced_accuracy": np.mean(balanced),
        "loss": np.mean([metrics.log_loss(labels[:, k], chances[:, k], labels=[0, 1]) for k in range(4)]),
        "f1_micro": metrics.f1_score(labels, predicted, average="micro"),
        "f1_macro": metrics.f1_score(labels[:, :3], predicted[:, :3], average="macro"),
        "roc_area": metrics.roc_auc_score(labels[:, :3], chances[:, :3]),
        "mean_average_precision": metrics.average_precision_score(labels[:, :3], chances[:, :3]),
    }  # fmt: skip
    for name, value in expected.items():
        assert found_several.overall[name].value == pytest.approx(value, abs=1e-6), name
    assert found_several.classes[3].measures["recall"].value is None


def test_proportions_have_wilsons_interval(single, found):
    labels, chances = single
    hits = int((chances.argmax(axis=1) == labels).sum())
    expected = stats.binomtest(hits, len(labels)).proportion_ci(method="wilson")
    assert found.overall["accuracy"].interval == pytest.approx(tuple(expected), abs=1e-6)
    assert found.overall["accuracy"].method == "Wilson"
    assert found.overall["loss"].method == "bootstrap"
    recall = found.classes[1].measures["recall"]
    support = found.classes[1].support
    expected = stats.binomtest(round(recall.value * support), support).proportion_ci(
        method="wilson"
    )
    assert recall.interval == pytest.approx(tuple(expected), abs=1e-6)


STATISTICS = {
    "loss": lambda labels, chances: metrics.log_loss(labels, chances, labels=range(CLASSES)),
    "balanced_accuracy": lambda labels, chances: metrics.recall_score(
        labels, chances.argmax(axis=1), labels=np.unique(labels), average="macro"
    ),
    "f1_macro": lambda labels, chances: metrics.f1_score(
        labels, chances.argmax(axis=1), labels=np.unique(labels), average="macro"
    ),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_other_measures_have_the_bootstraps_interval(single, found, name):
    labels, chances = single

    def statistic(chosen):
        return STATISTICS[name](labels[chosen], chances[chosen])

    theirs = stats.bootstrap(
        (np.arange(len(labels)),), statistic, vectorized=False, method="percentile",
        n_resamples=400, rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    width = theirs.high - theirs.low
    low, high = found.overall[name].interval
    assert low == pytest.approx(theirs.low, abs=0.15 * width)
    assert high == pytest.approx(theirs.high, abs=0.15 * width)


def test_the_interval_of_an_area_is_the_bootstraps(several, found_several):
    labels, chances = several[0][:, 1], several[1][:, 1]
    theirs = stats.bootstrap(
        (labels, chances), metrics.roc_auc_score, paired=True, vectorized=False,
        method="percentile", n_resamples=600, rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    ours = found_several.classes[1].measures["roc_area"].interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.15 * (theirs.high - theirs.low))


def test_the_same_seed_gives_the_same_intervals(single, found):
    again, other = evaluation.measure(*single), evaluation.measure(*single, seed=1)
    assert again.as_json() == found.as_json()
    assert other.overall["loss"].interval != found.overall["loss"].interval
    assert other.overall["accuracy"] == found.overall["accuracy"]


def test_perfect_and_single_samples_can_be_measured():
    found = evaluation.measure(np.array([1]), np.array([[0.0, 1.0]]), ["a", "b"])
    assert found.overall["accuracy"].value == 1
    assert found.overall["roc_area"].value is None
    assert found.classes[0].measures["average_precision"].value is None


@pytest.mark.parametrize(
    ("labels", "chances", "told"),
    [
        ([], np.empty((0, 2)), "at least one"),
        ([0, 2], [[1, 0], [0, 1]], "from 0 to 1, not 0 to 2"),
        ([0], [[1, 0], [0, 1]], r"shape \(1,\)"),
        ([[1, 0, 0]], [[1, 0]], "3 classes, and probabilities 2"),
    ],
)
def test_what_does_not_fit_is_refused(labels, chances, told):
    with pytest.raises(SettingError, match=told):
        evaluation.measure(np.array(labels), np.array(chances))
