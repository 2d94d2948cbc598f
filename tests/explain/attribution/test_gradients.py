"""Gradients at the image against finite differences, linear algebra and each other."""

import keras
import numpy as np
import pytest

from cnnkit import explain
from cnnkit.errors import SettingError


def logits(model, images, index):
    return np.asarray(model.predict_on_batch(np.asarray(images, "float32")))[:, index]


def test_the_gradient_is_that_of_finite_differences(smooth_model, noise):
    image = noise(5, 5, 2)
    steps = 0.01 * np.eye(50, dtype="float32").reshape(50, 5, 5, 2)
    slopes = (
        logits(smooth_model, image + steps, 1) - logits(smooth_model, image - steps, 1)
    ) / 0.02
    found = explain.gradient(smooth_model, image, 1)
    np.testing.assert_allclose(found.reshape(-1), slopes, atol=2e-4)


def test_a_softmax_at_the_end_changes_no_gradient(digits_model, digits):
    ending = keras.Sequential([*digits_model.layers, keras.layers.Softmax()])
    images = digits[0][:3]
    np.testing.assert_allclose(
        explain.gradient(ending, images), explain.gradient(digits_model, images), atol=1e-5
    )


def test_without_a_class_the_predicted_one_is_meant(digits_model, digits):
    images = digits[0][:4]
    predicted = digits_model.predict(images, verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(
        explain.gradient(digits_model, images), explain.gradient(digits_model, images, predicted)
    )


def test_one_logit_stands_for_two_classes_that_pull_against_each_other(noise):
    model = keras.Sequential(
        [keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    image = noise(3, 3, 1)
    weights = model.layers[-1].get_weights()[0].reshape(3, 3, 1)
    np.testing.assert_allclose(explain.gradient(model, image, 1), weights / 2, atol=1e-6)
    np.testing.assert_allclose(explain.gradient(model, image, 0), -weights / 2, atol=1e-6)


def test_smooth_grad_is_the_mean_gradient_of_noisy_copies(smooth_model, noise):
    image = noise(5, 5, 2)
    found = explain.smooth_grad(smooth_model, image, 2, samples=400, noise=1.0, seed=1)
    copies = np.random.default_rng(2).normal(size=(400, 5, 5, 2)) * np.ptp(image) + image
    wanted = explain.gradient(smooth_model, copies, 2, batch_size=100).mean(axis=0)
    np.testing.assert_allclose(found, wanted, atol=0.05)
    assert np.abs(found - explain.gradient(smooth_model, image, 2)).max() > 0.05


def test_without_noise_smooth_grad_is_the_gradient(digits_model, digits):
    images = digits[0][:5]
    np.testing.assert_allclose(
        explain.smooth_grad(digits_model, images, samples=2, noise=0, batch_size=2),
        explain.gradient(digits_model, images),
        atol=1e-5,
    )


@pytest.mark.parametrize("baseline", [0.0, 0.4])
def test_integrated_gradients_add_up_to_the_difference_of_logits(smooth_model, noise, baseline):
    images = noise(3, 5, 5, 2)
    shares = explain.integrated_gradients(smooth_model, images, 0, baseline=baseline)
    nothing = np.full_like(images, baseline)
    wanted = logits(smooth_model, images, 0) - logits(smooth_model, nothing, 0)
    np.testing.assert_allclose(shares.sum(axis=(1, 2, 3)), wanted, atol=1e-3)


def test_integrated_gradients_of_a_linear_model_are_weight_times_difference(noise):
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    image, baseline = noise(4, 4, 1), noise(4, 4, 1)[::-1]
    weights = model.layers[-1].get_weights()[0][:, 2].reshape(4, 4, 1)
    found = explain.integrated_gradients(model, image, 2, baseline=baseline, steps=3)
    np.testing.assert_allclose(found, weights * (image - baseline), atol=1e-6)


@pytest.mark.parametrize("kind", ["activation", "layer"])
def test_guided_backpropagation_by_hand(noise, kind):
    between = (
        [keras.layers.Dense(6, activation="relu")]
        if kind == "activation"
        else [keras.layers.Dense(6), keras.layers.ReLU()]
    )
    model = keras.Sequential(
        [keras.Input((3, 3, 1)), keras.layers.Flatten(), *between, keras.layers.Dense(3)]
    )
    image = noise(3, 3, 1)
    (first, bias, last, _) = model.get_weights()
    upstream = last[:, 1] * (last[:, 1] > 0) * (image.reshape(-1) @ first + bias > 0)
    found = explain.guided_backpropagation(model, image, 1)
    np.testing.assert_allclose(found.reshape(-1), first @ upstream, atol=1e-5)
    np.testing.assert_allclose(  # the model is as before
        explain.gradient(model, image, 1).reshape(-1),
        first @ (last[:, 1] * (image.reshape(-1) @ first + bias > 0)),
        atol=1e-5,
    )


def test_guiding_needs_a_relu(smooth_model, noise):
    with pytest.raises(SettingError, match="has no ReLU to guide"):
        explain.guided_backpropagation(smooth_model, noise(5, 5, 2))


@pytest.mark.parametrize("wrong", [3, -1])
def test_a_class_that_is_not_there_is_named(smooth_model, noise, wrong):
    with pytest.raises(SettingError, match=f"no class {wrong}: .* has 3, from 0 to 2"):
        explain.gradient(smooth_model, noise(5, 5, 2), wrong)
