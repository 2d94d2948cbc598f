"""The closer look at convolutions that keep maps apart has the numbers of Keras."""

import keras
import numpy as np
import pytest
from explorer_page import ExplorerPage
from three_shapes import CLASS_NAMES, SIDE, samples

from cnnkit import explorer

pytestmark = pytest.mark.once


def classifier():
    """A network that brings pixels to [-1, 1] by functions, as MobileNet does."""
    keras.utils.set_random_seed(5)
    layers = keras.layers
    pixels = keras.Input((SIDE, SIDE, 1), name="raw")
    values = keras.ops.subtract(pixels / 127.5, 1.0)
    for layer in (
        layers.Conv2D(3, 3, padding="same", activation="relu", name="C1"),
        layers.DepthwiseConv2D(
            3, padding="same", depth_multiplier=2, activation="tanh",
            bias_initializer="random_normal", name="apart",
        ),
        layers.SeparableConv2D(
            4, 3, strides=2, padding="same", depth_multiplier=2, activation="relu",
            bias_initializer="random_normal", name="mixed",
        ),
        layers.Flatten(name="flatten"),
        layers.Dense(3, name="logits"),
        layers.Softmax(name="probabilities"),
    ):  # fmt: skip
        values = layer(values)
    return keras.Model(pixels, values, name="network")


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    model = classifier()
    preparation = explorer.Preparation(SIDE, SIDE, 1, "crop", (0, 255), light_on_dark=True)
    document = explorer.document(model, CLASS_NAMES, preparation, samples=samples())
    path = tmp_path_factory.mktemp("page") / "page.html"
    explorer.write_page(path, document)
    return ExplorerPage(browser, path.as_uri(), model)


@pytest.fixture(scope="module")
def outputs(page):
    """Every layer's output for the first sample, by Keras."""
    model = page.model
    inner = keras.Model(model.inputs, [each.output for each in model.operations])
    values = inner.predict(samples()[0].pixels[None].astype("float32"), verbose=0)
    return {each.name: value[0] for each, value in zip(model.operations, values, strict=True)}


@pytest.mark.parametrize(("number", "constant"), [(1, 127.5), (2, 1.0)])
def test_a_function_with_a_constant_shows_it(page, outputs, number, constant):
    page.open()
    name = page.model.operations[number].name
    page.look_at(name)
    own = page.number("own")
    assert own == pytest.approx(outputs[name].max(), abs=1e-5)
    assert page.number("input 1") == constant
    assert page.number("together") == pytest.approx(own, abs=1e-5)


def test_a_depthwise_cell_shows_one_map_under_its_own_kernel(page, outputs):
    page.open()
    page.look_at("apart")
    page.until("return document.querySelectorAll('.closer .grid').length === 3")
    map_index, row, column = page.position()
    kernel, bias = page.model.get_layer("apart").get_weights()
    channel, copy = divmod(map_index, 2)
    patch = np.pad(outputs["C1"], ((1, 1), (1, 1), (0, 0)))[row : row + 3, column : column + 3]
    products = patch[..., channel] * kernel[:, :, channel, copy]
    np.testing.assert_allclose(page.grid("Patch"), patch[..., channel], atol=1e-5)
    np.testing.assert_allclose(page.grid("Products"), products, atol=1e-5)
    assert page.number("sum") == pytest.approx(products.sum(), abs=1e-5)
    activation = np.tanh(products.sum() + bias[map_index])
    assert page.number("activation") == pytest.approx(activation, abs=1e-5)
    assert page.number("own") == pytest.approx(outputs["apart"][row, column, map_index], abs=1e-5)


def test_a_separable_cell_shows_each_map_under_its_kernel_and_then_their_mixture(page, outputs):
    page.open()
    page.look_at("mixed")
    page.until("return document.querySelectorAll('.closer .grid').length === 3")
    map_index, row, column = page.position()
    apart, mixing, bias = page.model.get_layer("mixed").get_weights()
    # "same" padding with stride 2 on 12 x 12: nothing before, one after.
    padded = np.pad(outputs["apart"], ((0, 1), (0, 1), (0, 0)))
    patch = padded[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
    sums = np.einsum("yxc,yxcm->cm", patch, apart).reshape(-1)
    mixed = sums * mixing[0, 0, :, map_index]
    shown = page.run(
        "return Number(document.querySelector('[data-middle][aria-pressed=true]').dataset.middle)"
    )
    assert shown == np.abs(mixed).argmax()
    np.testing.assert_allclose(page.grid("Patch"), patch[..., shown // 2], atol=1e-5)
    np.testing.assert_allclose(page.grid("Kernel"), apart[:, :, shown // 2, shown % 2], atol=1e-6)
    assert page.number("middle") == pytest.approx(sums[shown], abs=1e-5)
    listed = page.run(
        "return [...document.querySelectorAll('[data-middle]')].map(button => [Number("
        "button.dataset.middle), Number(button.closest('tr').querySelector('[data-name=mixed]')"
        ".dataset.value)])"
    )
    np.testing.assert_allclose(
        [mixed[int(n)] for n, _ in listed], [v for _, v in listed], atol=1e-5
    )
    assert len(listed) == 12  # all of 3 maps x 2 x 2
    total = mixed.sum() + bias[map_index]
    assert page.number("sum") == pytest.approx(mixed.sum(), abs=1e-5)
    assert page.number("activation") == pytest.approx(max(total, 0), abs=1e-5)
    assert page.number("own") == pytest.approx(outputs["mixed"][row, column, map_index], abs=1e-5)


def test_an_edited_weight_of_the_mixture_changes_the_answer_as_in_keras(page):
    page.open()
    page.look_at("mixed")
    page.until("return document.querySelectorAll('.closer .grid').length === 3")
    map_index = page.position()[0]
    page.run(
        "const row = document.querySelector('[data-middle=\"7\"]').closest('tr').querySelector('input');"
        "row.value = '2.5'; row.dispatchEvent(new Event('change'))"
    )
    edited = classifier()
    apart, mixing, bias = edited.get_layer("mixed").get_weights()
    mixing[0, 0, 7, map_index] = 2.5
    edited.get_layer("mixed").set_weights([apart, mixing, bias])
    picture = samples()[0].pixels[None].astype("float32")
    page.until_probabilities(edited.predict(picture, verbose=0)[0])
