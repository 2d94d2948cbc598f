import io

import numpy as np
import pytest
from PIL import Image

from cnnkit import plots


def drawn(axes):
    """The array that an axes shows."""
    return np.asarray(axes.get_images()[0].get_array())


def test_curves_draw_every_metric_with_its_validation():
    history = {
        "loss": [2, 1],
        "val_loss": [3, 2],
        "accuracy": [0.1, 0.2],
        "val_accuracy": [0.3, 0.4],
    }
    figure = plots.curves(history | {"learning_rate": [1, 1], "epoch": [1, 2]})
    assert [axes.get_title() for axes in figure.axes] == ["Loss", "Accuracy"]
    for axes, name in zip(figure.axes, ("loss", "accuracy"), strict=True):
        assert [list(line.get_ydata()) for line in axes.get_lines()] == [
            history[name],
            history[f"val_{name}"],
        ]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_grid_shows_every_picture_from_black_to_white(dtype):
    images = np.zeros((3, 4, 4, 1), dtype)
    images[1] = 255 if dtype == np.uint8 else 1
    figure = plots.image_grid(images, captions=["a", "b", "c"], wrong=[False, True, False])
    assert [drawn(axes).max() for axes in figure.axes] == [0, 1, 0]
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c"]
    assert [axes.title.get_color() for axes in figure.axes] == ["black", plots.WRONG, "black"]


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 5)), (3, (4, 5, 3)), (7, (4, 5))])
def test_any_number_of_channels_can_be_seen(channels, shape):
    images = np.random.default_rng(0).normal(size=(2, 4, 5, channels))
    assert drawn(plots.image_grid(images).axes[0]).shape == shape


def test_the_confusion_matrix_shades_rates_and_writes_counts():
    axes = plots.confusion_matrix([[8, 2], [0, 5]], ("cat", "dog")).axes[0]
    np.testing.assert_allclose(drawn(axes), [[0.8, 0.2], [0, 1]])
    assert sorted(text.get_text() for text in axes.texts) == ["2", "5", "8"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]


def test_filters_share_one_scale_with_grey_for_zero():
    kernels = np.zeros((3, 3, 1, 3))
    kernels[..., 0], kernels[..., 2] = -2, 1
    shown = [drawn(axes) for axes in plots.filters(kernels).axes]
    low, middle, high = (image.mean() for image in shown)
    assert low == 0
    assert middle - low == pytest.approx(2 * (high - middle))


def test_a_png_is_a_picture_of_the_figures_size():
    figure = plots.image_grid(np.zeros((2, 4, 4, 1)))
    image = Image.open(io.BytesIO(plots.png(figure)))
    width, height = (figure.get_size_inches() * 110).round()
    assert image.size == (width, height)


def test_an_svg_takes_the_pages_ink():
    text = plots.svg(plots.curves({"loss": [2, 1], "val_loss": [3, 2]}))
    assert text.startswith('<svg fill="currentColor"')
    assert "#000000" not in text
    assert plots.TRAINING in text


def test_a_notebook_shows_a_figure_without_pyplot():
    assert plots.curves({"loss": [1], "val_loss": [1]})._repr_png_()[:4] == b"\x89PNG"
