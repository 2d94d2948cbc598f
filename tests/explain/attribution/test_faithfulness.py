"""The checks of heat maps, themselves checked on models whose right answer is known."""

import keras
import numpy as np
import pytest
from scipy.stats import spearmanr

from cnnkit import explain
from cnnkit.errors import SettingError


@pytest.fixture(scope="session")
def two_pixels():
    """Class 1's probability needs the pixels (0, 0) and (3, 3)."""
    model = keras.Sequential(
        [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    kernel = np.zeros((16, 2))
    kernel[[0, 15], 1] = 8
    model.layers[-1].set_weights([kernel, np.array([0, -12])])
    return model


def test_deletion_and_insertion_of_a_perfect_map_step_at_the_pixels_that_count(two_pixels):
    image, best = np.ones((4, 4, 1)), np.zeros((4, 4))
    best[0, 0], best[3, 3] = 2, 1
    high, low, none = (1 / (1 + np.exp(-z)) for z in (4, -4, -12))
    gone = explain.deletion(two_pixels, image, best, 1, steps=16)
    np.testing.assert_allclose(gone.probabilities[0], [high, low, *[none] * 15], atol=1e-5)
    there = explain.insertion(two_pixels, image, best, 1, steps=16)
    np.testing.assert_allclose(there.probabilities[0], [none, low, *[high] * 15], atol=1e-5)
    assert gone.areas[0] == pytest.approx((high / 2 + low + none / 2 + 14 * none) / 16, abs=1e-5)
    worst = explain.deletion(two_pixels, image, -best, 1, steps=16)
    assert worst.areas[0] > 0.8


@pytest.mark.parametrize("method", [explain.integrated_gradients, explain.occlusion])
def test_a_map_of_the_digits_is_better_than_chance(digits_model, digits, method):
    images = digits[0][1000:1040]
    maps = method(digits_model, images)
    maps = np.maximum(maps, 0).sum(axis=-1) if maps.ndim == 4 else maps
    random = np.random.default_rng(0).random((40, 8, 8))
    found = explain.deletion(digits_model, images, maps, steps=8).areas
    assert found.mean() < explain.deletion(digits_model, images, random, steps=8).areas.mean()


def test_a_map_of_the_images_shape_counts_by_its_sizes(digits_model, digits):
    images = digits[0][:2]
    slopes = explain.gradient(digits_model, images)
    np.testing.assert_array_equal(
        explain.deletion(digits_model, images, slopes).probabilities,
        explain.deletion(digits_model, images, np.abs(slopes[..., 0])).probabilities,
    )
    with pytest.raises(SettingError, match=r"not an array of shape \(2, 3, 3\)"):
        explain.deletion(digits_model, images, np.zeros((2, 3, 3)))


def test_random_weights_change_the_gradient_and_are_taken_back(digits_model, digits):
    before = digits_model.get_weights()
    alike = explain.parameter_randomisation(digits_model, digits[0][:8], explain.gradient)
    assert list(alike) == ["logits", "conv2", "conv1"]
    assert alike["conv1"] < 0.5
    for values, kept in zip(before, digits_model.get_weights(), strict=True):
        np.testing.assert_array_equal(values, kept)


def test_a_map_that_ignores_the_model_stays_as_it_was(digits_model, digits):
    def edges(model, images, classes):
        return np.diff(images, axis=1)

    alike = explain.parameter_randomisation(digits_model, digits[0][:4], edges)
    np.testing.assert_allclose(list(alike.values()), 1)


def test_likeness_is_spearmans_rank_correlation(digits_model, digits):
    answers = iter(np.random.default_rng(0).integers(0, 9, (4, 1, 30)))
    kept = []

    def method(model, images, classes):
        kept.append(next(answers))
        return kept[-1]

    alike = explain.parameter_randomisation(digits_model, digits[0][0], method)
    wanted = [spearmanr(kept[0][0], after[0]).statistic for after in kept[1:]]
    np.testing.assert_allclose(list(alike.values()), wanted)
