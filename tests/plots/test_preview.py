import numpy as np
import pytest

from cnnkit import data, plots
from cnnkit.errors import SettingError
from cnnkit.plots.preview import augmented_samples, mean_images, training_samples

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def digits():
    return data.digits(image_size=8)


def test_samples_come_from_every_class_in_turn(digits):
    images, captions = training_samples(digits, 12)
    assert captions == list("012345678901")
    assert images.shape == (12, 8, 8, 1)
    for image, caption in zip(images, captions, strict=True):
        same = (digits.train.inputs == image).all(axis=(1, 2, 3))
        assert int(caption) in digits.train.labels[same]


def test_the_mean_image_is_numpy_s(digits):
    means, names = mean_images(digits)
    assert names == list("0123456789")
    zeros = digits.train.inputs[digits.train.labels == 0]
    np.testing.assert_allclose(means[0], zeros.mean(axis=0), rtol=1e-4)


def test_each_image_stands_before_its_variants(digits):
    images, captions = augmented_samples(digits, "shift", count=3, variants=2)
    assert images.shape == (9, 8, 8, 1)
    assert captions[1] == captions[2] == "shift"
    for row in range(3):
        stored = images[3 * row] * 255
        assert np.abs(digits.train.inputs - stored).max(axis=(1, 2, 3)).min() < 0.01
        assert np.abs(images[3 * row] - images[3 * row + 1]).max() > 0


def test_mixed_labels_are_told(digits):
    _, captions = augmented_samples(digits, "cutmix", count=10, variants=3)
    assert any("%" in caption and "," in caption for caption in captions)


def test_show_draws_pictures_sounds_and_words(digits):
    grid = plots.preview(digits, count=10)
    assert [caption.get_text() for caption in grid.axes[0].texts] == list("0123456789")
    np.testing.assert_array_equal(
        grid.axes[0].images[3].get_array(), training_samples(digits, 10)[0][3, ..., 0]
    )
    chirps = data.chirps(train=8, validation=4, test=4)
    drawn = plots.preview(chirps, count=4)
    assert {axes.get_title() for axes in drawn.axes} == set(chirps.class_names)
    wave = drawn.axes[0].lines[0].get_ydata()
    assert (chirps.train.inputs == wave).all(axis=1).sum() == 1
    reviews = data.sentences(train=20, validation=4, test=4)
    told = [text.get_text() for text in plots.preview(reviews, count=2).texts]
    assert told[0] in reviews.class_names
    assert "not" in told[1].split()


def test_only_pictures_are_augmented():
    with pytest.raises(SettingError, match="'chirps' have the shape"):
        plots.preview(data.chirps(train=8, validation=4, test=4), augment="shift")


def test_a_notebook_with_pyplot_shows_texts_too():
    from IPython.core.pylabtools import print_figure  # what IPython calls there

    figure = plots.texts(["it is not dull"], ["good"])
    assert print_figure(figure).startswith(b"\x89PNG")
