"""Changes against SciPy and scikit-image, and responses of models whose right answer is known."""

import keras
import numpy as np
import pytest
from scipy import ndimage
from skimage.color import rgb2gray

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.explain.robustness import PERTURBATIONS, robustness, shift_consistency


@pytest.fixture(scope="module")
def pictures():
    """Three smooth pictures (40, 30, 3) in [0, 1]."""
    coarse = np.random.default_rng(0).random((3, 40, 30, 3))
    return ndimage.gaussian_filter(coarse, (0, 3, 3, 0), mode="wrap").astype("float32") * 3 - 1


def changed(name, images, amount, seed=0):
    return PERTURBATIONS[name].apply(images, amount, np.random.default_rng(seed))


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_the_unchanged_amount_changes_nothing(name, pictures):
    assert PERTURBATIONS[name].neutral_amount in PERTURBATIONS[name].amounts
    found = changed(name, pictures, PERTURBATIONS[name].neutral_amount)
    np.testing.assert_allclose(found, pictures, atol=1e-5)


def test_blur_is_scipys(pictures):
    wanted = ndimage.gaussian_filter(pictures, (0, 1.5, 1.5, 0), mode="nearest", truncate=4)
    np.testing.assert_allclose(changed("blur", pictures, 0.05), wanted, atol=1e-4)


@pytest.mark.parametrize("degrees", [20, 90])
def test_rotation_is_scipys_to_either_side(pictures, degrees):
    for image, found in zip(pictures, changed("rotation", pictures, degrees), strict=True):
        wanted = [
            ndimage.rotate(image, sign * degrees, reshape=False, order=1, mode="nearest")
            for sign in (-1, 1)
        ]
        inside = (slice(12, -12), slice(10, -10))  # where no border is read
        assert min(np.abs(found[inside] - one[inside]).max() for one in wanted) < 0.01


def test_scale_is_scipys_and_enlarges(pictures):
    matrix = np.diag([1 / 1.5, 1 / 1.5, 1])
    middle = np.array([19.5, 14.5, 0])
    for image, found in zip(pictures, changed("scale", pictures, 1.5), strict=True):
        wanted = ndimage.affine_transform(
            image, matrix, offset=middle - matrix @ middle, order=1, mode="nearest"
        )
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_grey_is_the_luma_in_each_channel(pictures):
    found = changed("grey", pictures, 1)
    np.testing.assert_allclose(found[..., 0], found[..., 2], atol=1e-6)
    assert np.abs(found[..., 0] - rgb2gray(pictures)).max() < 0.1  # scikit-image has BT.709's


def test_a_shift_moves_whole_pixels_and_repeats_the_border(pictures):
    for image, found in zip(pictures, changed("shift", pictures, 0.1), strict=True):
        wanted = [ndimage.shift(image, (*m, 0), order=0, mode="nearest")
                  for m in ((3, 0), (-3, 0), (0, 3), (0, -3))]  # fmt: skip
        assert any(np.array_equal(found, one) for one in wanted)


def test_contrast_noise_and_cover_by_their_moments(pictures):
    found = changed("contrast", pictures, 0.5)
    np.testing.assert_allclose(
        found.std(axis=(1, 2, 3)), pictures.std(axis=(1, 2, 3)) / 2, rtol=1e-4
    )
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), pictures.mean(axis=(1, 2, 3)), atol=1e-5)
    assert (changed("noise", pictures, 0.2) - pictures).std() == pytest.approx(0.2, rel=0.05)
    covered = (changed("occlusion", pictures, 0.2) != pictures).all(axis=-1).mean(axis=(1, 2))
    np.testing.assert_allclose(covered, 0.2, atol=0.02)


@pytest.fixture(scope="module")
def mean_model():
    """Class 1 where the mean is above a half, whatever stands where."""
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    )
    model.layers[-1].set_weights([np.array([[0.0, 20.0]]), np.array([0.0, -10.0])])
    return model


def test_a_model_of_the_mean_minds_no_turn_and_loses_confidence_with_contrast(mean_model):
    images = np.full((6, 8, 8, 1), 0.2, "float32")
    images[3:] = 0.8
    images[:, 3:5, 3:5] += 0.1
    labels = np.array([0, 0, 0, 1, 1, 0])  # the last is wrong
    found = robustness(mean_model, images, labels)
    assert "grey" not in found
    for name in ("rotation", "contrast", "blur", "noise"):
        np.testing.assert_allclose(found[name].accuracy, 5 / 6)
        np.testing.assert_allclose(found[name].agreement, 1)
    assert found["contrast"].confidence[0] == pytest.approx(found["blur"].confidence[0])
    assert found["shift"].samples == 6


def test_values_of_another_range_are_changed_alike(digits_model, digits):
    raw = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Rescaling(1 / 16), *digits_model.layers]
    )
    images, labels = digits[0][1000:1060], digits[1][1000:1060]
    one = robustness(digits_model, images, labels, perturbations=["noise", "shift"])
    other = robustness(
        raw, images * 16, labels, perturbations=["noise", "shift"], value_range=(0, 16)
    )
    for name in one:
        np.testing.assert_allclose(one[name].confidence, other[name].confidence, atol=1e-5)


def test_the_digits_network_is_worse_the_more_noise(digits_model, digits):
    found = robustness(digits_model, digits[0][1000:], digits[1][1000:], perturbations=["noise"])[
        "noise"
    ]
    predicted = digits_model.predict(digits[0][1000:], verbose=0).argmax(axis=1)
    assert found.accuracy[0] == np.mean(predicted == digits[1][1000:])
    assert found.accuracy[-1] < found.accuracy[0] - 0.1


def test_what_forgets_places_is_consistent_and_what_reads_one_pixel_is_not(mean_model):
    random = np.random.default_rng(3)
    images = random.random((40, 8, 8, 1)) < 0.5
    assert shift_consistency(mean_model, images, wrap=True) == 1.0
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    kernel = np.zeros((64, 2))
    kernel[27, 1] = 2
    model.layers[-1].set_weights([kernel, np.array([0, -1])])
    # Two shifts of up to 3 pixels meet by chance; otherwise a coin decides.
    assert shift_consistency(model, images, max_shift=3, pairs=50, wrap=True) == pytest.approx(
        1 / 49 + 48 / 49 / 2, abs=0.04
    )


def test_a_change_that_is_not_there_and_inputs_that_are_no_images_are_named(digits_model, digits):
    with pytest.raises(UnknownNameError, match="'rotation'"):
        robustness(digits_model, digits[0][:2], digits[1][:2], perturbations=["rotatoin"])
    sounds = keras.Sequential([keras.Input((9, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    with pytest.raises(SettingError, match="about images"):
        robustness(sounds, np.zeros((2, 9, 1)), [0, 1])
