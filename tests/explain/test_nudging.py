"""Nudged losses against losses computed in NumPy, and slopes against back-propagation."""

import keras
import numpy as np
import pytest

from cnnkit import explain
from cnnkit.errors import SettingError, UnknownNameError


def loss_in_numpy(kernel, bias, images, labels):
    """Mean cross-entropy of a dense layer, in float64."""
    logits = images @ kernel.astype("float64") + bias
    logits -= logits.max(axis=1, keepdims=True)
    log_sums = np.log(np.exp(logits).sum(axis=1))
    return np.mean(log_sums - logits[np.arange(len(labels)), labels])


@pytest.fixture(scope="module")
def linear():
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="votes")])


@pytest.fixture(scope="module")
def samples():
    random = np.random.default_rng(2)
    return random.normal(size=(6, 4)).astype("float32"), np.array([0, 1, 2, 0, 1, 2])


def test_each_loss_is_that_of_one_moved_weight(linear, samples):
    images, labels = samples
    before = [weights.copy() for weights in linear.get_weights()]
    found = explain.nudge(linear, images, labels, "votes", step=0.1)
    kernel, bias = before
    assert found.loss == pytest.approx(loss_in_numpy(kernel, bias, images, labels), rel=1e-5)
    for index in np.ndindex(kernel.shape):
        for losses, move in ((found.higher, 0.1), (found.lower, -0.1)):
            moved = kernel.copy()
            moved[index] += move
            expected = loss_in_numpy(moved, bias, images, labels)
            assert losses[index] == pytest.approx(expected, rel=1e-5)
    for old, new in zip(before, linear.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_better_is_the_nudge_with_the_smallest_of_three_losses(linear, samples):
    found = explain.nudge(linear, *samples, "votes", step=3.0)  # so far that some help neither way
    for index, better in np.ndenumerate(found.better):
        losses = {0.0: found.loss, 3.0: found.higher[index], -3.0: found.lower[index]}
        assert losses[better] == min(losses.values())
    assert set(np.unique(found.better)) == {-3.0, 0.0, 3.0}


@pytest.mark.parametrize("layer", ["conv", "logits"])
def test_slopes_equal_back_propagation(smooth_model, noise, layer):
    images, labels = noise(4, 5, 5, 2), np.array([0, 1, 2, 1])
    found = explain.nudge(smooth_model, images, labels, layer)
    np.testing.assert_allclose(found.slopes, found.gradient, atol=2e-4)
    assert np.abs(found.gradient).max() > 0.01


def test_a_model_that_ends_in_softmax_has_the_same_gradient(smooth_model, noise):
    image = noise(5, 5, 2)
    with_softmax = keras.Sequential([smooth_model, keras.layers.Softmax()])
    plain = explain.nudge(smooth_model, image, 1, "logits")
    wrapped = explain.nudge(with_softmax, image, 1, "logits")
    assert wrapped.loss == pytest.approx(plain.loss, rel=1e-5)
    np.testing.assert_allclose(wrapped.gradient, plain.gradient, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"step": 0}, SettingError, "above 0, not 0"),
        ({"layer": "logit"}, UnknownNameError, "did you mean 'logits'"),
        ({"layer": "flatten"}, SettingError, "use one of conv, logits"),
        ({"labels": 7}, SettingError, "no class 7"),
    ],
)
def test_a_mistake_is_one_sentence(smooth_model, noise, options, error, sentence):
    chosen = {"images": noise(5, 5, 2), "labels": 0, "layer": "logits"} | options
    with pytest.raises(error, match=sentence):
        explain.nudge(smooth_model, **chosen)


def test_a_layer_of_too_many_weights_is_refused():
    model = keras.Sequential([keras.Input((200,)), keras.layers.Dense(60, name="wide")])
    with pytest.raises(SettingError, match="12,000 weights"):
        explain.nudge(model, np.zeros((1, 200)), 0, "wide")
