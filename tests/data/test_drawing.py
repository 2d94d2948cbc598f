"""Drawings of all kinds become pictures like those of the data set, and it is said how."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cnnkit import data
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def seven(ground=255, ink=0, size=(280, 280), mode="L"):
    """A seven from a paint program, as an image."""
    paper = Image.new(mode, size, ground)
    pen = ImageDraw.Draw(paper)
    pen.line([(80, 70), (180, 70), (110, 230)], fill=ink, width=20, joint="curve")
    return paper


def png(image):
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def box(pixels):
    """First and last rows and columns of what is lighter than mid-grey."""
    rows, columns = np.nonzero(pixels[..., 0] > 127)
    return rows.min(), rows.max(), columns.min(), columns.max()


def test_dark_on_white_is_turned_and_said(digits):
    dark = data.prepare_drawing(np.asarray(seven()), digits)
    light = data.prepare_drawing(np.asarray(seven(0, 255)), digits)
    assert "It was dark on light and is turned to light on dark." in dark.steps
    assert not any("turned" in step for step in light.steps)
    np.testing.assert_allclose(dark.pixels, light.pixels.astype(int), atol=1)
    assert dark.pixels.shape == (28, 28, 1)
    assert dark.pixels.dtype == np.uint8
    assert str(dark).startswith("It is grey. It was dark on light")


def test_what_is_drawn_is_as_large_as_the_digits_are_and_in_the_middle(digits):
    drawn = data.prepare_drawing(np.asarray(seven()), digits)
    top, bottom, left, right = box(drawn.pixels)
    sizes = [box(each)[1] - box(each)[0] for each in digits.train.inputs[:200]]
    assert abs((bottom - top) - np.median(sizes)) <= 2
    assert abs((top + bottom) / 2 - 13.5) <= 1
    assert abs((left + right) / 2 - 13.5) <= 1


def test_where_it_stands_on_the_paper_does_not_matter(digits):
    wide = seven(size=(600, 400))
    shifted = Image.new("L", (600, 400), 255)
    shifted.paste(wide, (250, 100))
    one, other = (data.prepare_drawing(np.asarray(each), digits) for each in (wide, shifted))
    np.testing.assert_array_equal(one.pixels, other.pixels)


def test_faint_pencil_on_grey_paper_is_strengthened(digits):
    strong = data.prepare_drawing(np.asarray(seven()), digits)
    faint = data.prepare_drawing(np.asarray(seven(170, 60)), digits)
    assert "Its ink is faint and is strengthened." in faint.steps
    np.testing.assert_allclose(faint.pixels, strong.pixels.astype(int), atol=4)


def test_a_file_its_content_and_its_pixels_give_the_same(digits, tmp_path):
    image = seven("white", (20, 20, 120), mode="RGB")
    content = png(image)
    (tmp_path / "seven.png").write_bytes(content)
    pictures = [tmp_path / "seven.png", str(tmp_path / "seven.png"), content, np.asarray(image)]
    prepared = [data.prepare_drawing(picture, digits) for picture in pictures]
    assert prepared[0].steps[0] == "Its colours become grey."
    for each in prepared[1:]:
        np.testing.assert_array_equal(each.pixels, prepared[0].pixels)
        assert each.steps == prepared[0].steps


def test_the_range_is_that_of_the_data_set():
    shapes = data.xo(train=40, validation=2, test=2, image_size=12)
    drawn = data.prepare_drawing(np.asarray(seven()) / 255, shapes)
    assert drawn.pixels.dtype == np.float32
    assert drawn.pixels.min() == -1
    assert 0 < drawn.pixels.max() <= 1
    assert drawn.steps[-1] == "Black is -1 and white is 1."


def test_a_photograph_is_neither_turned_nor_cut():
    random = np.random.default_rng(0)
    photos = data.Split(random.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8), np.arange(20) % 2)
    like = data.Dataset(
        name="photos", train=photos, validation=photos, test=photos, class_names=("cat", "dog")
    )
    prepared = data.prepare_drawing(np.asarray(seven("white", "black", mode="RGB")), like)
    assert prepared.pixels.shape == (8, 8, 3)
    assert prepared.steps == ("It is grey.", "It is resized from 280 x 280 to 8 x 8 pixels.")


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (np.full((30, 30), 255, "uint8"), "Nothing is drawn"),
        (np.zeros((3, 4, 5), "uint8"), r"not \(3, 4, 5\)"),
        (np.full((30, 30), 2.0), "from 0, black, to 1, white, not 2 to 2"),
        ("gone.png", "gone.png is not there; give an image file"),
        (b"no picture", "The picture is no image|The picture .*; give an image file"),
    ],
)
def test_what_cannot_be_prepared_is_said_in_a_sentence(digits, picture, sentence):
    with pytest.raises(SettingError, match=sentence):
        data.prepare_drawing(picture, digits)


def test_a_data_set_of_sounds_has_no_drawings():
    with pytest.raises(SettingError, match="a picture can be prepared for"):
        data.prepare_drawing(np.asarray(seven()), data.chirps(train=8, validation=4, test=4))
