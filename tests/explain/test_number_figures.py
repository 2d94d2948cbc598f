"""Arrays drawn with their numbers, and a window that slides: what is drawn is what was computed."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import correlate

from cnnkit import explain, plots
from cnnkit.errors import SettingError
from cnnkit.explain import figures, xo

pytestmark = pytest.mark.once

PICTURE = np.array(
    [[1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 0], [0, 1, 1, 0, 0]]
)
CROSS = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]])


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_each_square_has_its_number():
    values = {"whole": np.array([[0, 255], [7, 30]]), "parts": np.array([[0.5, -1.25]])}
    whole, parts = figures.numbers(values).axes
    assert texts(whole) == ["0", "255", "7", "30"]
    assert texts(parts) == ["0.50", "-1.25"]
    assert whole.get_images()[0].get_clim() == (0, 255)
    assert parts.get_images()[0].get_clim() == (-1.25, 1.25)  # signed: 0 is in the middle


def test_a_list_is_a_row_and_a_picture_of_one_channel_is_a_plane():
    row, plane = figures.numbers({"list": np.arange(3), "X": xo.X}, columns=1, signed=False).axes
    assert row.get_images()[0].get_array().shape == (1, 3)
    np.testing.assert_array_equal(plane.get_images()[0].get_array(), xo.X[..., 0])
    assert plane.get_images()[0].get_cmap().name == "gray"


@pytest.mark.parametrize("shape", [(2, 2, 3), (33, 2), (0, 3)])
def test_what_cannot_be_read_as_numbers_is_refused(shape):
    with pytest.raises(SettingError, match=r"at most 32 squares a side; 'planes' has the shape"):
        figures.numbers({"planes": np.zeros(shape)})
    with pytest.raises(SettingError, match="give at least one"):
        figures.numbers({})


def test_the_window_stops_at_each_place_of_the_map(monkeypatch):
    seen = []

    def keep(frames, *, seconds):
        for figure in frames:
            pixels, products, answers = figure.axes
            (frame,) = pixels.get_lines()
            corner = min(frame.get_ydata()) + 0.5, min(frame.get_xdata()) + 0.5
            seen.append((corner, products.get_title(), texts(products)[0], texts(answers)))
        return plots.Film(b"", len(seen))

    monkeypatch.setattr(plots, "film", keep)
    figures.sliding_window(PICTURE, CROSS)
    expected = correlate(PICTURE, CROSS, mode="constant")[1:-1, 1:-1]
    assert [corner for corner, *_ in seen] == list(np.ndindex(3, 3))
    for number, (_, title, _, written) in enumerate(seen):
        assert title == f"sum of 9 products: {expected.flat[number]}"
        assert written == [str(value) for value in expected.flat[: number + 1]]
    assert seen[0][2] == "1\nx 1"


def test_padding_and_stride_move_the_window(monkeypatch):
    corners = []

    def keep(frames, *, seconds):
        for figure in frames:
            lines = figure.axes[0].get_lines()  # the edge of the picture, then the window
            corners.append((min(lines[1].get_ydata()) + 0.5, min(lines[1].get_xdata()) + 0.5))
            shown = figure.axes[0].get_images()[0].get_array()
        np.testing.assert_array_equal(shown, np.pad(PICTURE, 1))
        return plots.Film(b"", len(corners))

    monkeypatch.setattr(plots, "film", keep)
    figures.sliding_window(PICTURE, CROSS, padding="same", strides=2)
    assert corners == [(row, column) for row in (0, 2, 4) for column in (0, 2, 4)]


def test_the_window_is_a_film_with_a_frame_for_each_place(tmp_path):
    film = figures.sliding_window(PICTURE[:3, :4], CROSS, seconds=0.2)
    with Image.open(io.BytesIO(film.content)) as opened:
        assert (opened.format, opened.n_frames, film.frames) == ("GIF", 2, 2)
        durations = []
        for number in range(2):
            opened.seek(number)
            durations.append(opened.info["duration"])
    assert durations == [200, 600]
    assert film._repr_html_().startswith('<img alt="an animation of 2 frames" src="data:image/gif')
    assert film.save(tmp_path / "window.gif").read_bytes() == film.content
    with pytest.raises(SettingError, match="saved as FILE.gif, not as 'window.png'"):
        film.save(tmp_path / "window.png")


@pytest.mark.parametrize(
    ("image", "sentence"),
    [(np.ones((5, 5, 3)), "choose one channel"), (np.ones((20, 20)), "324 places is too long")],
)
def test_a_picture_that_no_window_slides_over_is_refused(image, sentence):
    with pytest.raises(SettingError, match=sentence):
        figures.sliding_window(image, CROSS)


def test_a_film_needs_a_figure():
    with pytest.raises(SettingError, match="at least one figure"):
        plots.film([])


def test_the_story_of_the_x_has_its_numbers_on_one_page():
    story = explain.xo.story(xo.X)
    panels = figures.xo_story(story).axes
    maps = [axes for axes in panels if axes.get_images() and len(axes.texts) == 49]
    for index, axes in enumerate(maps[::2]):  # match and ReLU of each feature
        assert texts(axes) == [str(value) for value in story.maps["match"][..., index].flat]
    (listed,) = (axes for axes in panels if axes.get_title().startswith("the three small maps"))
    assert texts(listed) == [str(value) for value in story.listed]
    assert [label.get_text() for label in listed.get_xticklabels()].count("votes X") == 5
    assert panels[-2].get_title() == "votes: the answer is X"
