"""Kernels against SciPy and scikit-image, on a photograph."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import data, filters

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.explain import kernels


@pytest.fixture(scope="module")
def photo():
    return data.astronaut()[100:190, 200:275]


@pytest.fixture(scope="module")
def grey(photo):
    return photo[..., 1] / 255


@pytest.mark.parametrize("name", kernels.KERNELS)
def test_each_kernel_equals_scipy_on_every_channel(name, photo):
    ours = kernels.apply(name, photo)
    for channel in range(3):
        pixels = photo[..., channel].astype(float)
        expected = ndimage.correlate(pixels, kernels.KERNELS[name].astype(float), mode="constant")
        np.testing.assert_allclose(ours[..., channel], expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("sobel_right", lambda pixels: ndimage.sobel(pixels, axis=1)),
        ("sobel_bottom", lambda pixels: ndimage.sobel(pixels, axis=0)),
        ("prewitt_right", lambda pixels: ndimage.prewitt(pixels, axis=1)),
        ("prewitt_bottom", lambda pixels: ndimage.prewitt(pixels, axis=0)),
        ("laplacian", ndimage.laplace),
        ("box_blur", lambda pixels: ndimage.uniform_filter(pixels, 3)),
        # scikit-image divides by the sum of the weights on one side.
        ("sobel_bottom", lambda pixels: 4 * filters.sobel_h(pixels)),
        ("prewitt_right", lambda pixels: 3 * filters.prewitt_v(pixels)),
        ("scharr_right", lambda pixels: 16 * filters.scharr_v(pixels)),
        ("scharr_bottom", lambda pixels: 16 * filters.scharr_h(pixels)),
    ],
)
def test_named_filters_equal_those_of_the_image_libraries_inside_the_border(name, theirs, grey):
    np.testing.assert_allclose(
        kernels.apply(name, grey, padding="valid"), theirs(grey)[1:-1, 1:-1], atol=1e-5
    )


def test_opposite_sobels_are_each_others_negative(grey):
    for one, other in (("right", "left"), ("top", "bottom")):
        np.testing.assert_array_equal(
            kernels.apply(f"sobel_{one}", grey), -kernels.apply(f"sobel_{other}", grey)
        )


def test_edges_answer_where_the_picture_gets_brighter_in_their_direction():
    step = np.zeros((5, 5))
    step[:, 3:] = 1
    for family in ("sobel", "prewitt", "scharr"):
        assert kernels.apply(f"{family}_right", step, padding="valid").max() > 0
        assert kernels.apply(f"{family}_bottom", step, padding="valid").max() == 0


def test_each_line_detector_answers_most_to_its_own_line():
    names = ("line_horizontal", "line_vertical", "line_falling", "line_rising")
    lines = [np.zeros((3, 3)) for _ in names]
    lines[0][1] = lines[1][:, 1] = 1
    lines[2], lines[3] = np.eye(3), np.eye(3)[::-1]
    answers = [
        [kernels.apply(name, line, padding="valid").item() for line in lines] for name in names
    ]
    assert np.argmax(answers, axis=1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.3])
def test_gaussian_equals_scipys(sigma, grey):
    blurred = kernels.apply(kernels.gaussian(sigma), grey)
    expected = ndimage.gaussian_filter(grey, sigma, mode="constant")
    np.testing.assert_allclose(blurred, expected, atol=1e-5)


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_gabor_equals_scikit_images(degrees):
    angle, wavelength, sigma = np.radians(degrees), 7.0, 2.5
    theirs = np.real(
        filters.gabor_kernel(1 / wavelength, angle, sigma_x=sigma, sigma_y=sigma, n_stds=3)
    )
    ours = kernels.gabor(wavelength, angle, sigma)
    margin = [(a - b) // 2 for a, b in zip(ours.shape, theirs.shape, strict=True)]
    inner = ours[tuple(slice(m, len(ours) - m) for m in margin)]
    np.testing.assert_allclose(inner, theirs, atol=1e-6)


def test_each_gabor_of_a_bank_answers_most_to_waves_of_its_direction():
    bank = kernels.gabor_bank(6.0, angles=4)
    down, right = np.mgrid[:41, :41]
    answers = []
    for angle in np.radians([0, 45, 90, 135]):
        wave = np.cos(2 * np.pi * (right * np.cos(angle) + down * np.sin(angle)) / 6)
        answers.append(
            [np.abs(kernels.apply(one, wave)[15:-15, 15:-15]).max() for one in bank.values()]
        )
    assert np.argmax(answers, axis=1).tolist() == [0, 1, 2, 3]


def test_stride_keeps_every_second_value_and_padding_the_border(grey):
    maps = kernels.side_by_side("sobel_right", grey[:89, :75])
    whole = maps["same", 1]
    np.testing.assert_array_equal(maps["valid", 1], whole[1:-1, 1:-1])
    np.testing.assert_array_equal(maps["valid", 2], maps["valid", 1][::2, ::2])
    # Odd sizes: one zero on either side, so that the first patch is centred on the first pixel.
    np.testing.assert_allclose(maps["same", 2], whole[::2, ::2], atol=1e-6)


def test_zero_padding_darkens_the_border_of_a_blur_and_nothing_else():
    blurred = kernels.apply("box_blur", np.ones((6, 6)))
    np.testing.assert_allclose(blurred[1:-1, 1:-1], 1, atol=1e-6)
    assert blurred[0, 0] == pytest.approx(4 / 9)
    assert blurred[0, 3] == pytest.approx(6 / 9)


def test_a_fixed_layer_has_nothing_to_train():
    assert not kernels.layer("emboss", 3).trainable_weights


def test_a_misspelt_kernel_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'sharpen'"):
        kernels.apply("sharpn", np.ones((3, 3)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: kernels.apply("emboss", np.ones((1, 4, 4, 3))), r"not to an array of shape \(1, 4, 4, 3\)"),
        (lambda: kernels.apply("emboss", np.ones((2, 4)), padding="valid"), "is larger than"),
        (lambda: kernels.apply(np.ones(3), np.ones((4, 4))), "an array .height, width."),
        (lambda: kernels.box(4), "odd size"),
        (lambda: kernels.gaussian(0), "sigma must be above 0, not 0"),
        (lambda: kernels.gabor(-1), "wavelength must be above 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_a_sentence(call, sentence):
    with pytest.raises(SettingError, match=sentence):
        call()
