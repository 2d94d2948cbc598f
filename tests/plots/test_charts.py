import base64
import io
import itertools
import pickle
import re

import matplotlib
import numpy as np
import pytest
from PIL import Image

from cnnkit import plots
from cnnkit.errors import SettingError
from cnnkit.evaluation import reliability

pytestmark = pytest.mark.once


def pictures(figure):
    """The arrays that a grid shows."""
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def drawn(axes):
    """The array that an axes shows."""
    return np.asarray(axes.get_images()[0].get_array())


def test_curves_draw_every_metric_with_its_validation():
    history = {
        "loss": [2, 1],
        "val_loss": [3, 2],
        "accuracy": [0.1, 0.2],
        "val_accuracy": [0.3, 0.4],
        "top_5": [0.5, 0.6],
    }
    figure = plots.learning_curves(
        history | {"learning_rate": [1, 1], "epoch": [1, 2], "seconds": [3, 4]}
    )
    assert [axes.get_title() for axes in figure.axes] == ["Loss", "Accuracy", "Top 5"]
    for axes, name in zip(figure.axes, ("loss", "accuracy", "top_5"), strict=True):
        shown = [list(line.get_ydata()) for line in axes.get_lines()]
        assert shown == [history[name], history.get(f"val_{name}", [])]


def test_a_learning_rate_that_changes_is_drawn_last():
    history = {"learning_rate": [0.1, 0.2], "accuracy": [0, 1], "loss": [2, 1]}
    assert plots.metric_names(history) == ["loss", "accuracy", "learning_rate"]
    history["learning_rate"] = [0.1, 0.1]
    assert plots.metric_names(history) == ["loss", "accuracy"]


def test_curves_leave_a_gap_where_there_is_no_number():
    line = plots.learning_curves({"loss": [3, None, float("nan"), 1]}).axes[0].get_lines()[0]
    np.testing.assert_array_equal(line.get_ydata(), [3, np.nan, np.nan, 1])
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])


def test_a_validation_that_is_seldom_done_has_its_own_points():
    lines = plots.learning_curves({"loss": [3, 2, 1], "val_loss": [4]}).axes[0].get_lines()
    assert [len(line.get_xdata()) for line in lines] == [3, 1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0, 51, 255], np.uint8), [0, 51, 255]),
        (np.array([0.2, 0.2, 0.4]), [51, 51, 102]),
        (np.array([-1.0, 0.0, 0.6]), [0, 128, 204]),
        (np.array([-2.0, 0.0, 8.0]), [0, 51, 255]),
        (np.array([0, 100, 200]), [0, 128, 255]),
    ],
)
def test_a_known_range_keeps_its_scale_and_any_other_is_stretched(values, expected):
    np.testing.assert_array_equal(plots.to_uint8(values.reshape(1, 1, 3, 1)), [[expected]])


@pytest.mark.parametrize("shape", [(2, 4, 4), (0, 4, 4, 1), (2, 8)])
def test_what_is_no_picture_is_refused_with_its_shape(shape):
    with pytest.raises(SettingError, match=re.escape(str(shape))):
        plots.image_grid(np.zeros(shape))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_grid_shows_every_picture_from_black_to_white(dtype):
    images = np.zeros((3, 4, 4, 1), dtype)
    images[1] = 255 if dtype == np.uint8 else 1
    figure = plots.image_grid(images, np.array(["a", "b", "c"]), wrong=[False, True, False])
    assert [shown.max() for shown in pictures(figure)] == [0, 255, 0]
    captions = figure.axes[0].texts
    assert [caption.get_text() for caption in captions] == ["a", "b", "c"]
    assert [caption.get_color() == plots.WRONG_COLOUR for caption in captions] == [
        False,
        True,
        False,
    ]


def test_pictures_of_a_grid_keep_their_proportions_and_their_places():
    axes = plots.image_grid(np.zeros((7, 20, 40, 1)), columns=3).axes[0]
    extents = np.array([image.get_extent() for image in axes.images])
    left, right, bottom, top = extents.T
    np.testing.assert_allclose((right - left) / (bottom - top), 2)
    assert (right[:-1] < left[1:])[[0, 1, 3, 4]].all()  # within a row
    assert (bottom[:4] < top[3:]).all()  # from row to row
    assert (left > 0).all()
    assert (right < axes.get_xlim()[1]).all()
    assert (bottom < axes.get_ylim()[0]).all()


def test_long_captions_stay_under_their_own_picture():
    figure = plots.image_grid(np.zeros((5, 4, 4, 1)), captions=["a word and " * 20] * 5)
    plots.png(figure)
    boxes = [caption.get_window_extent() for caption in figure.axes[0].texts]
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))
    assert all(box.y0 >= 0 for box in boxes)


def test_a_class_named_like_a_formula_is_drawn_as_it_is_written():
    names = ("$\\frac$", "5 $ or 10 $_")
    assert plots.png(plots.confusion_matrix(np.eye(2, dtype=int), names))
    assert plots.png(plots.image_grid(np.zeros((2, 4, 4, 1)), captions=names))
    assert plots.png(plots.learning_curves({"$\\frac$": [1, 2]}))


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 5)), (3, (4, 5, 3)), (7, (4, 5))])
def test_any_number_of_channels_can_be_seen(channels, shape):
    images = np.random.default_rng(0).normal(size=(2, 4, 5, channels))
    assert pictures(plots.image_grid(images))[1].shape == shape


def test_the_confusion_matrix_shades_rates_and_writes_counts():
    axes = plots.confusion_matrix([[8, 2], [0, 5]], ("cat", "dog")).axes[0]
    np.testing.assert_allclose(drawn(axes), [[0.8, 0.2], [0, 1]])
    assert sorted(text.get_text() for text in axes.texts) == ["2", "5", "8"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]


def test_filters_share_one_scale_with_grey_for_zero():
    kernels = np.zeros((3, 3, 1, 3))
    kernels[..., 0], kernels[..., 2] = -2, 1
    low, middle, high = (shown.mean() for shown in pictures(plots.kernels(kernels)))
    assert (low, middle) == (0, 128)
    assert high == round(255 * 0.75)


def test_filters_that_are_all_positive_still_show_zero_in_grey():
    kernels = np.zeros((3, 3, 1, 1))
    kernels[0, 0] = 1
    assert pictures(plots.kernels(kernels))[0][1, 1] == 128


def test_a_png_is_a_picture_of_the_figures_size():
    figure = plots.image_grid(np.zeros((2, 4, 4, 1)))
    image = Image.open(io.BytesIO(plots.png(figure)))
    width, height = (figure.get_size_inches() * 110).round()
    assert image.size == (width, height)


def matrix():
    return plots.confusion_matrix([[8, 2], [0, 5]], ("a long name", "dog"))


def test_a_figure_looks_as_matplotlib_lays_it_out():
    png, svg = io.BytesIO(), io.StringIO()
    matrix().savefig(png, format="png", dpi=110)
    shown = (
        np.asarray(Image.open(io.BytesIO(file))) for file in (plots.png(matrix()), png.getvalue())
    )
    np.testing.assert_array_equal(*shown)
    matrix().savefig(svg, format="svg", transparent=True)
    ours, theirs = (
        re.findall(r"translate\(([^)]*)\)", text) for text in (plots.svg(matrix()), svg.getvalue())
    )
    assert ours == theirs
    assert len(ours) > 9


def test_a_figure_that_was_saved_is_laid_out_again_when_it_changes():
    figure = matrix()
    engine, dpi = figure.get_layout_engine(), figure.dpi
    assert plots.png(figure)
    assert plots.svg(figure)
    assert (figure.get_layout_engine(), figure.dpi) == (engine, dpi)
    figure.set_size_inches(2, 2)
    assert plots.png(figure)
    names = figure.axes[0].get_yticklabels()
    assert all(name.get_window_extent().x0 >= 0 for name in names)


def test_an_svg_takes_the_pages_ink():
    text = plots.svg(plots.learning_curves({"loss": [2, 1], "val_loss": [3, 2]}))
    assert text.startswith('<svg fill="currentColor"')
    assert "#000000" not in text
    assert plots.TRAINING_COLOUR in text


def test_drawing_leaves_matplotlibs_settings_alone():
    before = dict(matplotlib.rcParams)
    one, other = (plots.svg(plots.learning_curves({"loss": [2, 1]})) for _ in range(2))
    assert one == other
    assert dict(matplotlib.rcParams) == before


def test_a_figure_can_be_pickled():
    figure = pickle.loads(pickle.dumps(plots.learning_curves({"loss": [2, 1]})))
    assert figure._repr_png_() == plots.png(figure)


def test_a_notebook_shows_a_figure_once_as_the_value_of_a_cell():
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    show = "from cnnkit import plots\nplots.learning_curves({'loss': [2, 1]})"
    cells = show, f"import matplotlib.pyplot\n{show}", f"%matplotlib inline\n{show}"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    for cell in notebook.cells:
        (output,) = cell.outputs
        assert base64.b64decode(output.data["image/png"])[:4] == b"\x89PNG"


def test_a_reliability_diagram_has_a_point_a_filled_bin():
    labels, sure = np.array([0, 0, 1, 0]), np.array([0.95, 0.9, 0.92, 0.6])
    found = reliability(labels, np.stack([sure, 1 - sure], axis=1), bins=5)
    axes = plots.reliability_diagram(found).axes[0]
    points = axes.get_lines()[1].get_xydata()
    np.testing.assert_allclose(points, [[0.6, 1], [(0.95 + 0.9 + 0.92) / 3, 2 / 3]])
