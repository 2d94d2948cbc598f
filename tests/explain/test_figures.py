"""What the figures of explanations show is what the functions returned."""

import keras
import numpy as np
import pytest

from cnnkit import explain, models, plots
from cnnkit.explain import figures

pytestmark = pytest.mark.once


def drawn(axes):
    return [np.asarray(image.get_array()) for image in axes.get_images()]


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv"),
            keras.layers.MaxPooling2D(2, name="pool"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, name="logits"),
        ]
    )


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).random((8, 8, 1)).astype("float32")


def test_the_walkthrough_writes_patch_kernel_and_products(model, image):
    walk = explain.walkthrough(model, image, label=1)
    figure = figures.walkthrough(walk, ("cat", "dog", "fox"))
    panels = {axes.get_title(): axes for axes in figure.axes}
    row, column = walk.unit.position
    wanted = {
        f"patch at ({row}, {column})": walk.unit.patch,
        f"kernel of filter {walk.unit.filter_index}": walk.unit.kernel,
    }
    for title, values in wanted.items():
        assert texts(panels[title]) == [f"{value + 0.0:.2f}" for value in values.reshape(-1)]
    before, change, after = (
        np.array([float(text) for text in texts(axes)]) for axes in figure.axes[-3:]
    )
    np.testing.assert_allclose(before, walk.unit.kernel.reshape(-1), atol=1e-3)
    np.testing.assert_allclose(after - before, change, atol=1e-3)
    assert np.abs(change).max() > 0  # a change that can be seen
    np.testing.assert_allclose(
        change, -0.01 * walk.gradient_step.kernel_gradient.reshape(-1), atol=1e-3
    )
    (softmax,) = (title for title in panels if title.startswith("softmax"))
    assert f"{walk.loss:.4g} for dog" in softmax
    bars = [patch.get_width() for patch in panels[softmax].patches]
    np.testing.assert_allclose(bars, np.sort(walk.probabilities)[::-1])


def test_the_walkthrough_has_one_grey_scale_and_names_inputs_in_words(model, image):
    walk = explain.walkthrough(model, image)
    figure = figures.walkthrough(walk)
    panels = {axes.get_title(): axes for axes in figure.axes}
    scale = panels["input of conv"].get_images()[0].get_clim()
    row, column = walk.unit.position
    assert panels[f"patch at ({row}, {column})"].get_images()[0].get_clim() == scale
    assert scale == (image.min(), image.max())
    (votes,) = (axes for title, axes in panels.items() if title.startswith("votes"))
    index = walk.votes.strongest(walk.label)[0][0]
    y, x, number = np.unravel_index(index, (4, 4, 4))
    assert votes.get_yticklabels()[0].get_text() == f"map {number} of pool, row {y}, column {x}"


def test_the_walkthrough_looks_at_an_inner_patch_with_contrast():
    layer = keras.layers.Conv2D(1, 3, padding="same", activation="relu", name="conv")
    model = keras.Sequential([keras.Input((9, 9, 1)), layer, keras.layers.GlobalAveragePooling2D(),
                              keras.layers.Dense(2)])  # fmt: skip
    layer.set_weights([np.full((3, 3, 1, 1), 0.1), np.ones(1)])
    picture = np.ones((9, 9, 1), "float32")
    picture[5:, :] = 0  # the only contrast; the largest output is anywhere above it
    walk = explain.walkthrough(model, picture)
    row, column = walk.unit.position
    assert row in (4, 5)
    assert 1 <= column <= 7
    assert walk.unit.patch.std() > 0
    assert walk.votes.words(0).startswith("mean of map 0 of global_average_pooling2d")
    plain = explain.walkthrough(model, np.ones((9, 9, 1), "float32"))  # no contrast anywhere
    assert plain.unit.value == pytest.approx(plain.step("conv").output.max())


@pytest.mark.parametrize("layer", ["conv", "logits"])
def test_any_layer_with_units_can_be_walked_through(model, image, layer):
    figure = figures.walkthrough(explain.walkthrough(model, image, layer=layer))
    assert len(figure.axes) == 13


def test_a_heat_map_lies_over_its_image_and_signs_have_one_scale(model, image):
    maps = {"gradient": explain.gradient(model, image[None]), "cam": np.zeros((1, 8, 8))}
    figure = figures.heat_maps(image[None], maps)
    _, slopes, cam = figure.axes
    under, over = drawn(slopes)
    assert under.shape == (8, 8)
    np.testing.assert_allclose(over, maps["gradient"][0, ..., 0])
    low, high = slopes.get_images()[1].get_clim()
    assert low == -high
    assert texts(cam) == ["zero\neverywhere"]


def test_feature_maps_and_filters_are_drawn_one_by_one(model, image):
    maps = explain.feature_maps(model, image, ["conv"])
    figure = figures.feature_maps(maps, max_maps=3)
    np.testing.assert_allclose(drawn(figure.axes[2])[0], maps["conv"][..., 2])
    pictures = explain.filters(model)
    shown = figures.filters(pictures)
    np.testing.assert_allclose(drawn(shown.axes[1])[0], pictures[1, ..., 0], atol=1e-6)


def test_a_receptive_field_is_framed_where_the_unit_reads(model, image):
    field = models.anatomy(model).row("pool").field
    figure = figures.receptive_fields(image, {"pool": field}, position=0)
    (frame,) = figure.axes[0].get_lines()
    assert (frame.get_xdata().min(), frame.get_xdata().max()) == (-1.5, 2.5)  # the padding, too
    assert frame.get_label() == "pool: 4 x 4"


def test_patches_are_those_that_were_found(model):
    images = np.random.default_rng(1).random((12, 8, 8, 1))
    found = explain.top_patches(model, images, "conv", count=2)
    figure = figures.top_patches(found, images, [3])
    assert figure.axes[0].get_title("left") == f"filter 3: {found.values[3, 0]:.3g}"
    patch = found.patches(images, 3)[1][..., 0]
    np.testing.assert_allclose(drawn(figure.axes[1])[0], patch / patch.max(), atol=1e-6)


def test_numbers_on_light_squares_stay_dark_on_a_dark_page(model, image):
    figure = figures.walkthrough(explain.walkthrough(model, image))
    ink = {text.get_color() for axes in figure.axes for text in axes.texts if axes.images}
    assert ink == {"white", "#111111"}
    assert plots.svg(figure).count("fill: #111111") > 9


def test_zero_is_grey_in_what_a_kernel_answers():
    ramp = np.tile(np.arange(8.0), (8, 1))
    answers = {"sobel_left": explain.kernels.apply("sobel_left", ramp, padding="valid")}
    figure = figures.kernel_responses(ramp, answers)
    np.testing.assert_allclose(drawn(figure.axes[1])[0], 0)  # -8 everywhere
    assert figure.axes[1].get_title() == "sobel_left, 6 x 6\n-8 to -8"


def test_a_sharpened_picture_is_drawn_on_the_pictures_scale_with_its_range_and_one_sum():
    image = np.tile(np.array([0, 0, 0, 255, 255, 255], "float32"), (6, 1))
    sharp = explain.kernels.apply("sharpen", image)
    patch = explain.kernels.patch_under("sharpen", image, (2, 3))
    np.testing.assert_array_equal(patch, image[1:4, 2:5])
    figure = figures.kernel_responses(
        image, {"sharpen": sharp}, explain.kernels.KERNELS, {"sharpen": ((2, 3), patch)}
    )
    _, answer, kernel = figure.axes
    assert answer.get_title() == "sharpen, 6 x 6\n-255 to 765, drawn 0 to 255"
    np.testing.assert_allclose(drawn(answer)[0], np.clip(sharp, 0, 255) / 255)
    assert texts(kernel)[3:6] == ["-1\nx 0", "5\nx 255", "-1\nx 255"]
    assert "sum 510" in kernel.get_title()  # 5 x 255 - 3 x 255
    assert sharp[2, 3] == 510


def test_a_white_filter_has_a_frame():
    axes = figures.filters(np.ones((1, 3, 3, 1))).axes[0]
    assert axes.axison
    assert all(spine.get_visible() for spine in axes.spines.values())


def test_a_drawn_network_has_kernel_stride_and_shape_in_each_box_and_a_legend():
    network = keras.Sequential(
        [
            keras.Input((9, 9, 1)),
            keras.layers.Conv2D(4, (3, 5), strides=2, name="conv"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(3, name="logits"),
        ]
    )
    figure = figures.architecture(models.anatomy(network))
    boxes = [text.split("\n") for text in texts(figure.axes[0])]
    assert boxes[1:] == [
        ["conv", "Conv2D 3 x 5, stride 2", "4 x 3 x 4"],
        ["flat", "Flatten", "48"],
        ["logits", "Dense", "3"],
    ]
    (legend,) = figure.legends
    colours = {
        text.get_text(): handle.get_facecolor()
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
    }
    drawn_boxes = [patch.get_facecolor() for patch in figure.axes[0].patches[1:]]
    names = ["has weights", "has no weights", "has weights"]
    assert drawn_boxes == [colours[name] for name in names]
    assert "height x width x maps" in legend.get_title().get_text()


def test_robustness_has_a_panel_a_change_and_a_line_a_model(model):
    images = np.random.default_rng(2).random((10, 8, 8, 1))
    labels = np.arange(10) % 3
    found = explain.robustness(model, images, labels, perturbations=["noise", "shift"])
    figure = figures.robustness({"one": found, "other": found}, "confidence")
    assert [axes.get_title() for axes in figure.axes] == ["noise", "shift"]
    lines = figure.axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["one", "other"]
    np.testing.assert_allclose(lines[0].get_ydata(), found["noise"].confidence)


def test_probability_curves_name_their_areas(model, image):
    curve = explain.deletion(model, image, explain.occlusion(model, image), steps=4)
    axes = figures.probability_curves({"occlusion": curve}).axes[0]
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), curve.probabilities[0])
    assert axes.get_lines()[0].get_label() == f"occlusion: {curve.areas[0]:.3f}"
