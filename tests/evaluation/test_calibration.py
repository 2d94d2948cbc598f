import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import optimize, special
from sklearn import calibration, metrics

from cnnkit import evaluation


@st.composite
def predictions(draw):
    classes, samples = draw(st.integers(2, 6)), draw(st.integers(1, 80))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return rng.integers(0, classes, samples), rng.dirichlet(np.ones(classes), samples)


@settings(deadline=None)
@given(predictions(), st.integers(1, 20))
def test_the_diagram_is_that_of_scikit_learn(made, bins):
    labels, probabilities = made
    found = evaluation.reliability(labels, probabilities, bins)
    right, sure = probabilities.argmax(axis=1) == labels, probabilities.max(axis=1)
    accuracies, confidences = calibration.calibration_curve(right, sure, n_bins=bins)
    filled = found.counts > 0
    np.testing.assert_allclose(found.accuracies[filled], accuracies)
    np.testing.assert_allclose(found.confidences[filled], confidences)
    assert found.counts.sum() == len(labels)
    assert np.isnan(found.accuracies[~filled]).all()


def test_the_expected_error_by_hand():
    # Two bins: confidences 0.6, 0.8 and 0.9 are all in the upper, of which one is right.
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.6, 0.4], [0.2, 0.8], [0.1, 0.9], [0.5, 0.5]])
    found = evaluation.reliability(labels, probabilities, bins=2)
    assert found.counts.tolist() == [1, 3]
    lower, upper = 0.5 - 0, (0.6 + 0.8 + 0.9) / 3 - 1 / 3
    assert found.expected_calibration_error == pytest.approx((1 * lower + 3 * upper) / 4)


def test_what_is_as_sure_as_it_is_right_has_no_error():
    labels = np.repeat([0, 1], [75, 25])
    assert (
        evaluation.reliability(labels, np.tile([0.75, 0.25], (100, 1))).expected_calibration_error
        < 1e-12
    )


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_the_temperature_is_the_one_an_optimiser_finds(true):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(500, 5)) * 3
    labels = np.array([rng.choice(5, p=special.softmax(row)) for row in logits])
    given = special.softmax(logits * true, axis=1)  # too sure of itself by this factor

    def loss(temperature):
        return metrics.log_loss(labels, special.softmax(logits * true / temperature, axis=1))

    best = optimize.minimize_scalar(loss, bounds=(0.05, 20), method="bounded").x
    assert evaluation.fit_temperature(labels, given) == pytest.approx(best, rel=1e-3)
    assert best == pytest.approx(true, rel=0.2)


@given(predictions(), st.floats(0.1, 10))
def test_scaling_divides_logits_and_keeps_who_is_first(made, temperature):
    _, probabilities = made
    scaled = evaluation.scale_by_temperature(probabilities, temperature)
    expected = special.softmax(np.log(probabilities) / temperature, axis=1)
    np.testing.assert_allclose(scaled, expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_array_equal(scaled.argmax(axis=1), probabilities.argmax(axis=1))


def test_a_network_that_is_always_right_may_be_surer_and_one_always_wrong_less_sure():
    answers = np.array([[0.9, 0.05, 0.05], [0.05, 0.9, 0.05], [0.05, 0.05, 0.9]])
    assert 0.05 <= evaluation.fit_temperature(np.arange(3), answers) < 0.2
    assert evaluation.fit_temperature(np.array([1, 2, 0]), answers) == pytest.approx(20, rel=1e-3)
