import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from cnnkit import atomic, report
from cnnkit.evaluation import Evaluation
from cnnkit.runs import Run

pytestmark = pytest.mark.once

HOSTILE = "<script>document.title='x'</script>"


def make(folder, class_names, images=True, filters=True):
    """A run folder with a report, of invented but plausible numbers."""
    rng, classes, samples = np.random.default_rng(0), len(class_names), 200
    labels = rng.integers(0, classes, samples)
    probabilities = rng.dirichlet(np.ones(classes), samples)
    probabilities[np.arange(samples), labels] += 0.2
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    evaluation = Evaluation(labels, probabilities, tuple(class_names))
    run = Run.create(folder, "invented")
    run.write_status("finished", epoch=8)
    layer = {"name": "C1", "kind": "Conv2D", "output_shape": [None, 8, 8, 6], "parameters": 156}
    run.write_json(
        "experiment.json",
        {
            "experiment": "invented",
            "description": "An invented run.",
            "command": "cnnkit run invented",
            "settings": {"epochs": 8, "note": HOSTILE},
            "seed": 1,
            "epochs": 8,
            "batch_size": 32,
            "optimizer": {"class_name": "Adam", "config": {}},
            "model": {"name": "lenet5", "parameters": 61706, "layers": [layer]},
        },
    )
    run.write_json(
        "dataset.json",
        {
            "name": "invented",
            "source": "a generator",
            "image_shape": [8, 8, 3],
            "class_names": class_names,
            "samples": {"train": 10 * classes},
            "counts": {"train": [10] * classes},
            "content_hash": "0123456789abcdef0123",
        },
    )
    run.write_json(
        "environment.json",
        {
            "versions": {"python": "3.11"},
            "backend": "jax",
            "devices": ["cpu:0"],
            "cores": 2,
            "precision": "float32",
            "git": {"commit": "0" * 40, "clean": False},
        },
    )
    run.write_json(
        "results.json", {"test": evaluation.as_results(), "timing": {"training_seconds": 12.3}}
    )
    rows = "".join(f"{n},{2 / n},{2.2 / n},{1 - 0.5 / n},{1 - 0.6 / n}\n" for n in range(1, 9))
    atomic.write_text(
        run.folder / "metrics.csv", "epoch,loss,val_loss,accuracy,val_accuracy\n" + rows
    )
    pictures = rng.integers(0, 256, (samples, 8, 8, 3), dtype=np.uint8) if images else None
    kernels = rng.normal(size=(5, 5, 3, 6)) if filters else None
    return report.write(run, evaluation, images=pictures, filters=kernels), evaluation, pictures


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    names = [*(f"class {index}" for index in range(9)), HOSTILE]
    return make(tmp_path_factory.mktemp("runs"), names)


def test_tells_the_accuracy_with_its_interval_first(made):
    path, evaluation, _ = made
    first = path.read_text().split("<section>")[0]
    low, high = evaluation.as_results()["accuracy_interval"]
    assert f"{100 * evaluation.accuracy:.2f}\u202f%" in first
    assert f"95 % interval {100 * low:.2f} to {100 * high:.2f}\u202f%" in first
    assert f"{evaluation.num_correct} of 200 test samples" in first


def test_what_a_user_writes_is_text(made):
    text = made[0].read_text()
    assert "<script" not in text
    assert text.count("&lt;script&gt;") > 3


def test_the_worst_mistakes_are_the_pictures_themselves(made):
    path, evaluation, pictures = made
    shown = re.findall(
        r'<img class="pixels" src="data:image/png;base64,([^"]+)" alt="Test image (\d+)',
        path.read_text(),
    )
    assert [int(index) for _, index in shown] == evaluation.worst_mistakes(12).tolist()
    for content, index in shown:
        image = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
        np.testing.assert_array_equal(image, pictures[int(index)])


def test_every_picture_has_words(made):
    text = made[0].read_text()
    for tag in re.findall(r"<img[^>]*>", text):
        assert re.search(r'alt="[^"]{10,}"', tag)
    for tag in re.findall(r"<svg[^>]*>", text):
        assert 'role="img"' in tag
        assert re.search(r'aria-label="[^"]{10,}"', tag)


def test_confusion_matrix_and_classes_are_whole(made):
    path, evaluation, _ = made
    table = path.read_text().split('class="matrix"')[1].split("</table>")[0]
    counts = [int(count) for count in re.findall(r"<td [^>]*>(\d+)</td>", table)]
    assert counts == evaluation.confusion_matrix.flatten().tolist()
    for row in evaluation.per_class():
        assert f"{100 * row['recall']:.1f}\u202f%" in path.read_text()


def test_a_hundred_classes_become_a_list_of_confusions(tmp_path):
    path, _, _ = make(tmp_path, [f"kind {index}" for index in range(100)])
    text = path.read_text()
    assert "of the 100 classes that are confused most often" in text
    assert 'class="matrix"' not in text
    assert len(text) < 400_000


def test_what_trained_in_each_phase_is_told(tmp_path):
    path, evaluation, _ = make(tmp_path, ["a", "b"])
    run = Run(path.parent)
    head = {"phase": "as the model is given", "parameters": 2000, "trained_parameters": 22}
    later = {"phase": "fine-tuning", "parameters": 2000, "trained_parameters": 1999}
    blocks = [f"block_{number}" for number in range(9)]
    phases = [head | {"trained_layers": ["logits"]}, later | {"trained_layers": blocks}]
    run.write_json("phases.json", {"phases": phases})
    page = report.write(run, evaluation).read_text()
    row = '<td>fine-tuning</td><td>9, from block_0 to block_8</td><td class="count">1,999 of 2,000'
    assert '<td>logits</td><td class="count">22 of 2,000' in page
    assert row in page


def test_inputs_that_are_no_pictures_leave_the_pictures_out(tmp_path):
    text = make(tmp_path, ["spam", "ham"], images=False, filters=False)[0].read_text()
    assert "<img" not in text
    assert "Confusion matrix" in text


@pytest.fixture(scope="module")
def browser(open_browser):
    with open_browser() as opened:
        yield opened


def emulate(browser, width, scheme="light"):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


@pytest.mark.parametrize("width", [360, 1200])
def test_a_browser_shows_all_of_it_and_asks_nobody(browser, made, width):
    import json

    emulate(browser, width)
    browser.get_log("performance")
    browser.get(made[0].as_uri())
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if not url.startswith("data:")} == {made[0].as_uri()}
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    sizes = browser.execute_script(
        "return [...document.images].map(image => [image.complete, image.naturalWidth, image.width])"
    )
    assert len(sizes) == 12 + 6 + 8  # mistakes, filters, closest calls
    assert all(complete and natural and shown for complete, natural, shown in sizes)
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('.curves svg')].map(s => s.getBoundingClientRect().width)"
    )
    assert len(boxes) == 2 + 1  # curves, and the reliability diagram
    assert min(boxes) > 0.75 * min(width, 480) - 90
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.title.startswith("invented")


@pytest.mark.parametrize("width", [360, 1280])
def test_a_box_that_scrolls_says_so_and_no_other(browser, made, width):
    emulate(browser, width)
    browser.get(made[0].as_uri())
    boxes = browser.execute_async_script(
        "const done = arguments[0];"
        "document.querySelectorAll('details').forEach(d => d.open = true);"
        "requestAnimationFrame(() => requestAnimationFrame(() => done("
        "[...document.querySelectorAll('.scroll')].map(box => [box.scrollWidth > box.clientWidth,"
        " parseFloat(getComputedStyle(box, '::before').maxHeight) > 0]))))"
    )
    assert any(scrolls for scrolls, _ in boxes) or width > 360
    assert all(scrolls == says for scrolls, says in boxes)


def test_the_right_half_of_a_wide_page_is_used(browser, made):
    emulate(browser, 1280)
    browser.get(made[0].as_uri())
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('section')].map(s => s.getBoundingClientRect())"
        ".map(box => [box.left, box.right])"
    )
    assert all(right > 1200 or left < 100 for left, right in boxes)
    assert any(left > 600 for left, _ in boxes)


@pytest.mark.parametrize("width", [360, 1200])
def test_a_film_is_moved_by_the_arrow_keys(browser, tmp_path, width):
    frames = {epoch: np.full((40, 700, 3), 10 * epoch, "uint8") for epoch in (1, 5, 10)}
    page = report.write(Run.create(tmp_path, "learnt"), None, film=frames)
    emulate(browser, width)
    browser.get(page.as_uri())

    def shown():
        return [image.get_attribute("alt").split()[-1] for image in images if image.is_displayed()]

    images = browser.find_elements("css selector", ".film img")
    assert (len(images), shown()) == (3, ["10"])
    chosen = browser.find_element("css selector", ".film input:checked")
    chosen.send_keys("\ue012")  # the left arrow
    assert shown() == ["5"]
    browser.find_element("css selector", ".film span").click()
    assert shown() == ["1"]
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def test_a_long_film_keeps_its_first_and_last_epoch(tmp_path):
    frames = {epoch: np.zeros((4, 4, 3), "uint8") for epoch in range(1, 201)}
    text = report.write(Run.create(tmp_path, "long"), None, film=frames).read_text()
    epochs = [int(epoch) for epoch in re.findall(r"by the end of epoch (\d+)", text)]
    assert (len(epochs), epochs[0], epochs[-1]) == (24, 1, 200)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_and_paper_stand_apart_in_both_schemes(browser, made, scheme):
    emulate(browser, 1200, scheme)
    browser.get(made[0].as_uri())
    colours = browser.execute_script(
        "const s = getComputedStyle(document.body);"
        "const t = getComputedStyle(document.querySelector('.curves svg'));"
        "return [s.color, s.backgroundColor, t.fill]"
    )
    ink, paper, drawing = (
        np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) for colour in colours
    )
    assert (ink.mean() > paper.mean()) == (scheme == "dark")
    assert contrast(ink, paper) > 7  # WCAG 2.2, level AAA
    np.testing.assert_array_equal(drawing, ink)


def contrast(one, other):
    """WCAG's ratio of relative luminances of two sRGB colours, 0 to 255."""

    def luminance(colour):
        parts = colour / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)
