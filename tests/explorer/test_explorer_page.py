"""A reader draws, looks closer, changes weights and goes backwards; Keras has the same numbers."""

import base64
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from three_shapes import CLASS_NAMES, SIDE, classifier_like, samples

from cnnkit.data.images.decode import decode

pytestmark = pytest.mark.once

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"


def outputs_of(model, picture):
    """Every layer's output for one picture, by Keras."""
    inner = keras.Model(model.inputs, [layer.output for layer in model.layers])
    values = inner.predict(picture[None], verbose=0)
    return {layer.name: value[0] for layer, value in zip(model.layers, values, strict=True)}


def first_sample():
    return samples()[0].pixels.astype("float32")


def answer(model, picture):
    return model.predict(picture[None].astype("float32"), verbose=0)[0]


def test_the_first_sample_is_answered_as_keras_answers(page):
    page.open()
    page.until_probabilities(answer(page.model, first_sample()))
    assert page.run("return document.title") == "small: number by number"


def test_a_drawing_is_prepared_and_answered_as_training_would(page):
    from selenium.webdriver import ActionChains

    page.open()
    page.run("document.querySelector('.tools button').click()")  # clears the paper
    paper = page.find(".drawing")
    stroke = (
        ActionChains(page.browser).move_to_element_with_offset(paper, -70, -60).click_and_hold()
    )
    for step in ((50, 20), (60, 50), (-40, 60), (-30, -90)):
        stroke.move_by_offset(*step)
    stroke.release().perform()
    address = page.run("return document.querySelector('.drawing').toDataURL('image/png')")
    pixels = decode(base64.b64decode(address.split(",")[1]), (SIDE, SIDE), channels=1, fit="crop")
    assert pixels.max() > 200  # something was drawn
    page.until_probabilities(answer(page.model, pixels), atol=0.02)  # resizers round differently
    assert page.run("return document.querySelectorAll('.steps li').length") >= 3


def test_a_cell_of_a_convolution_shows_patch_kernel_products_and_sum(page):
    page.open()
    page.look_at("C3")
    page.until("return document.querySelectorAll('.closer .grid').length === 3")
    map_index, row, column = page.position()
    kernel, bias = page.model.get_layer("C3").get_weights()
    outputs = outputs_of(page.model, first_sample())
    # "same" padding with stride 2 on 6 x 6: nothing before, one after.
    padded = np.pad(outputs["S2"], ((0, 1), (0, 1), (0, 0)))
    patch = padded[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
    chosen = page.run(
        "return Number(document.querySelector('.chip[aria-pressed=true]').dataset.channel)"
    )
    products = patch * kernel[..., map_index]
    np.testing.assert_allclose(page.grid("Patch"), patch[..., chosen], atol=1e-5)
    np.testing.assert_allclose(page.grid("Kernel"), kernel[:, :, chosen, map_index], atol=1e-6)
    np.testing.assert_allclose(page.grid("Products"), products[..., chosen], atol=1e-5)
    total = products.sum() + bias[map_index]
    assert page.number("sum") == pytest.approx(products.sum(), abs=1e-5)
    assert page.number("total") == pytest.approx(total, abs=1e-5)
    assert page.number("activation") == pytest.approx(np.tanh(total), abs=1e-5)
    assert page.number("own") == pytest.approx(outputs["C3"][row, column, map_index], abs=1e-5)


@pytest.mark.parametrize(
    ("layer", "name"),
    [("scale", "scaled"), ("S2", "pooled"), ("norm", "normalised"), ("F4", "activation"), ("logits", "total")],
)  # fmt: skip
def test_what_the_page_computes_is_what_the_network_has(page, layer, name):
    page.open()
    page.look_at(layer)
    own = page.number("own")
    assert own == pytest.approx(outputs_of(page.model, first_sample())[layer].max(), abs=1e-4)
    assert page.number(name) == pytest.approx(own, abs=1e-4)


def test_an_edited_weight_changes_the_answer_as_in_keras(page):
    page.open()
    page.look_at("C1")
    page.until("return document.querySelectorAll('.closer .grid').length === 3")
    map_index = page.position()[0]
    page.run(
        "const field = document.querySelector('.closer input[aria-label=\"Kernel, row 2, column 3\"]');"
        "field.value = '−1.5'; field.dispatchEvent(new Event('change'))"
    )
    edited = classifier_like(page.model)
    kernel, bias = edited.get_layer("C1").get_weights()
    kernel[1, 2, 0, map_index] = -1.5
    edited.get_layer("C1").set_weights([kernel, bias])
    page.until_probabilities(answer(edited, first_sample()))
    page.find("header .changed").click()
    page.until_probabilities(answer(page.model, first_sample()))


def test_one_step_backwards_is_a_step_of_gradient_descent(page):
    page.open()
    label = 2
    page.run("document.querySelector('.learning').scrollIntoView()")
    page.run(
        "const choice = document.querySelector('#true-label'); choice.value = arguments[0];"
        "choice.dispatchEvent(new Event('change'))",
        str(label),
    )
    before = answer(page.model, first_sample())
    page.until(
        "const value = Number(document.querySelector('.loss .value')?.dataset.value);"
        "return Math.abs(value - arguments[0]) < 1e-4",
        float(-np.log(before[label])),
    )
    page.find(".learning button.primary").click()
    trained = classifier_like(page.model)
    trained.get_layer("norm").trainable = False  # as in use: by the statistics of training
    expected_after = one_step(trained, first_sample(), label, learning_rate=0.01)
    assert page.number("before", ".learning") == pytest.approx(before[label], abs=1e-4)
    assert page.number("after", ".learning") == pytest.approx(expected_after[label], abs=1e-3)
    page.until_probabilities(expected_after, atol=1e-3)
    page.run("document.querySelector('header .changed').click()")
    page.until_probabilities(before)


def one_step(model, picture, label, learning_rate):
    """The answer after a step of SGD on all weights, gamma and beta of normalisations among them."""
    import tensorflow as tf

    norm = model.get_layer("norm")
    variables = [v for v in model.weights if not v.name.startswith("moving")]
    with tf.GradientTape() as tape:
        values = tf.convert_to_tensor(picture[None])
        for layer in model.layers[:-1]:
            values = layer(values, training=False) if layer is norm else layer(values)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits([label], values)
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign_sub(learning_rate * gradient)
    return answer(model, picture)


def test_a_picture_file_is_cut_and_resized_as_for_training(page, tmp_path):
    from PIL import Image

    page.open()
    rng = np.random.default_rng(4)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    coarse.resize((90, 60), Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    pixels = decode((tmp_path / "photo.png").read_bytes(), (SIDE, SIDE), channels=1, fit="crop")
    page.run(
        "[...document.querySelectorAll('.tabs button')].find(b => b.textContent === 'A file').click()"
    )
    page.find("#picture-file").send_keys(str(tmp_path / "photo.png"))
    page.until("return document.querySelectorAll('.steps li').length >= 4")
    page.until_probabilities(answer(page.model, pixels), atol=0.01)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"no picture", "cannot be read as a picture"), ("huge", "100 million pixels")],
)
def test_a_picture_that_cannot_be_used_is_told_and_nothing_is_lost(
    page, tmp_path, content, sentence
):
    page.open()
    if content == "huge":  # a PNG's first bytes: its size is all that is read
        content = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (10_000).to_bytes(4, "big") * 2
    (tmp_path / "bad.png").write_bytes(content)
    page.run(
        "[...document.querySelectorAll('.tabs button')].find(b => b.textContent === 'A file').click()"
    )
    page.find("#picture-file").send_keys(str(tmp_path / "bad.png"))
    said = page.until("return document.querySelector('.input .problem').textContent")
    assert sentence in said
    assert "bad.png" in said
    page.until_probabilities(answer(page.model, first_sample()))


def test_test_pictures_say_what_they_are_and_what_they_were_taken_for(page):
    page.open()
    page.run(
        "[...document.querySelectorAll('.tabs button')].find(b => b.textContent === 'Test pictures').click()"
    )
    names = page.run(
        "return [...document.querySelectorAll('.sample')].map(b => b.getAttribute('aria-label'))"
    )
    assert names[-1] == f"{CLASS_NAMES[0]}, taken for {CLASS_NAMES[2]} with 50.0 %"
    page.run("document.querySelectorAll('.sample')[1].click()")
    page.until_probabilities(answer(page.model, samples()[1].pixels))


def test_the_words_of_a_layer_lead_to_what_they_mean(page):
    page.open()
    page.look_at("C1")
    found = page.run(
        "return [...document.querySelectorAll('.word-links a')].map(link => {"
        "  const term = document.getElementById(link.getAttribute('href').slice(1));"
        "  return [link.textContent, term.textContent, term.nextElementSibling.textContent] })"
    )
    assert [word for word, *_ in found] == [
        "feature map", "filter", "receptive field", "stride", "padding", "bias", "activation",
    ]  # fmt: skip
    assert all(term.split(", ")[0] == word and len(text) > 20 for word, term, text in found)
    page.run("document.querySelector('.word-links a').click()")
    page.until("return document.querySelector('dt:target').textContent === 'feature map'")
    terms = page.run(
        "return [...document.querySelectorAll('.glossary dt')].map(t => t.textContent)"
    )
    documented = re.findall(r"^### (.*)$", GLOSSARY.read_text("utf-8").lower(), re.MULTILINE)
    assert {term.split(", ")[0] for term in terms} <= set(documented)


def test_nothing_outside_is_asked_for_and_the_console_is_silent(page):
    page.open()
    for layer in ("C1", "S2", "logits", "probabilities"):
        page.look_at(layer)
    page.run("document.querySelector('.learnt').scrollIntoView()")
    own = page.address.rsplit("/", 1)[0]
    foreign = [each for each in page.requests() if not each.startswith((own, "data:", "blob:"))]
    assert foreign == []
    assert [entry["message"] for entry in page.browser.get_log("browser")] == []
