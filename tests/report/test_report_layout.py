"""What stands where in the report, and what is folded, named and left out."""

import re

import keras
import numpy as np
import pytest
from PIL import Image

from cnnkit import atomic, report
from cnnkit.data import Dataset, Split, folder
from cnnkit.evaluation import Evaluation
from cnnkit.report.mistakes import sample_name
from cnnkit.report.recipe import describe
from cnnkit.runs import Run
from cnnkit.training.recipe import model_as_json

pytestmark = pytest.mark.once

NAMES = ("a", "b", "c")
SECONDS = [61.5, 60.0]


class Files:
    """Inputs that are read from files, as those of a folder are."""

    def __init__(self, images):
        self.images = images
        self.paths = [f"b/IMG <{number}>.png" for number in range(len(images))]

    def __getitem__(self, indices):
        return self.images[indices]


@pytest.fixture(scope="module")
def long_network():
    """Eleven stages of two layers, of which each resolution has several, and maps of 96 filters."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Conv2D(96, 3, name="first")]
    layers += [
        keras.layers.Conv2D(4, 1, name=f"block{stage}_a_long_name_for_a_convolution_{number}")
        for stage in range(3)
        for number in range(7)
    ]
    layers.insert(8, keras.layers.MaxPooling2D(name="pool"))
    layers += [keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    return keras.Sequential([keras.Input((12, 12, 1)), *layers])


@pytest.fixture(scope="module")
def written(tmp_path_factory, long_network):
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    images = rng.integers(0, 256, (30, 12, 12, 1), dtype=np.uint8)
    split = Split(images, labels)
    data = Dataset(name="invented", train=split, validation=split, test=split, class_names=NAMES)
    evaluation = Evaluation(labels, rng.dirichlet(np.ones(3), 30), NAMES)
    run = Run.create(tmp_path_factory.mktemp("runs"), "invented")
    run.write_status("finished", epoch=2)
    optimizer = keras.optimizers.Adam(0.001, clipnorm=1.5)
    run.write_json(
        "experiment.json",
        {
            "settings": {"augment": None, "units": 7, "filters": 4, "optimizer": "adam"},
            "unchanged_settings": ["augment", "filters"],
            "optimizer": keras.optimizers.serialize(optimizer),
            "augment": None,
            "model": model_as_json(long_network),
        },
    )
    run.write_json(
        "dataset.json",
        {
            "name": "invented", "image_shape": [12, 12, 1], "value_range": [0, 255],
            "class_names": NAMES, "counts": data.counts(),
        },
    )  # fmt: skip
    run.write_json(
        "results.json",
        {"test": evaluation.as_results(), "timing": {"training_seconds": 999.0, "epoch_seconds": [500.0]}},
    )  # fmt: skip
    rows = "".join(f"{n},{n},{n},0.5,0.5,{s}\n" for n, s in enumerate(SECONDS, start=1))
    columns = "epoch,loss,val_loss,accuracy,val_accuracy,seconds\n"
    atomic.write_text(run.folder / "metrics.csv", columns + rows)
    long_network.save(run.folder / "model.keras")
    seen = report.explain_samples(long_network, data, evaluation)
    page = report.write(run, evaluation, images=Files(images), explanations=seen).read_text()
    return run, evaluation, page


def test_curves_come_second_with_their_advice(written):
    page = written[2]
    assert page.index("<header>") < page.index("<h2>Curves</h2>")
    assert re.search("<h2>(.*)</h2>", page.split("</header>")[1])[1] == "Curves"
    assert "Too few validation samples: with 30" in page.split("<h2>Curves</h2>")[1][:1500]


def test_the_duration_is_that_of_the_run_everywhere(written):
    run, _, page = written
    assert run.seconds == sum(SECONDS)
    assert "<dt>training</dt><dd>2 epochs in 2 min 2 s</dd>" in page  # of 121.5 s
    assert '<th scope="row">training</th><td>2 min 2 s</td>' in page
    assert page.count("2 min 2 s") == 2
    assert "16 min 39 s" not in page  # of 999 s


def test_defaults_are_folded(written):
    recipe = written[2].split("<h2>Recipe</h2>")[1].split("</section>")[0]
    shown, rest = recipe.split("<details><summary>Defaults</summary>")
    assert "augment" not in shown
    assert '<th scope="row">units</th><td>7</td>' in shown
    assert "Adam(learning_rate=0.001, clipnorm=1.5)" in shown
    folded = rest.split("</details>")[0]
    assert '<th scope="row">augment</th><td>None</td>' in folded
    assert '<th scope="row">filters</th><td>4</td>' in folded
    assert "beta_1=0.9" in folded


@pytest.mark.parametrize(
    ("thing", "line"),
    [
        (keras.optimizers.SGD(0.01, momentum=0.9), "SGD(learning_rate=0.01, momentum=0.9)"),
        (keras.losses.CategoricalCrossentropy(), "CategoricalCrossentropy()"),
        (keras.layers.RandomFlip("horizontal"), "RandomFlip(mode=horizontal)"),
    ],
)
def test_only_what_is_not_the_default_is_written(thing, line):
    assert describe(keras.saving.serialize_keras_object(thing), defaults=False) == line


def test_an_older_run_folds_the_settings_that_are_none(written):
    run, evaluation, _ = written
    recipe = run.experiment
    old = {name: value for name, value in recipe.items() if name != "unchanged_settings"}
    try:
        run.write_json("experiment.json", old)
        page = report.write(run, evaluation).read_text()
    finally:
        run.write_json("experiment.json", recipe)
    shown = page.split("<h2>Recipe</h2>")[1].split("<summary>Defaults")[0]
    assert "augment" not in shown
    assert '<th scope="row">filters</th><td>4</td>' in shown


def test_the_lines_of_python_load_and_use_the_model(written, long_network):
    import html

    code = html.unescape(
        re.search('<pre class="python"><code>(.*?)</code>', written[2], re.DOTALL)[1]
    )
    assert len(code.splitlines()) == 3
    names: dict = {}
    exec(code, names)
    expected = long_network.predict(np.zeros((1, 12, 12, 1)), verbose=0)
    np.testing.assert_allclose(names["outputs"], expected, atol=1e-6)


def test_mistaken_pictures_have_the_paths_of_their_files(written):
    _, evaluation, page = written
    mistakes = page.split("<h2>Worst mistakes</h2>")[1].split("</ul>")[0]
    for sample in evaluation.worst_mistakes(12):
        assert f"<small>test sample {sample}<br>b/IMG &lt;{sample}&gt;.png</small>" in mistakes
    assert f"b/IMG &lt;{evaluation.most_uncertain(1)[0]}&gt;.png" in page.split("closest calls")[1]


def test_the_path_is_that_of_the_picture_itself(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(30):
        file = tmp_path / NAMES[number % 3] / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8), dtype=np.uint8)).save(file)
    inputs = folder(tmp_path, validation=0.2, test=0.5, channels=1, image_size=8).test.inputs
    for sample in range(len(inputs)):
        path = re.search("<br>(.*)</small>", sample_name(inputs, sample))[1]
        pixels = np.asarray(Image.open(tmp_path / path))
        np.testing.assert_array_equal(inputs[[sample]][0, ..., 0], pixels)


def test_a_long_network_has_one_row_a_stage(written, long_network):
    page = written[2]
    assert f"The network&#x27;s {len(long_network.layers)} layers in 3 stages" in page
    table = page.split("A stage is a run of layers")[2].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("<tr>")[2:]]
    assert [row[2] for row in rows] == ["10 × 10 × 4", "5 × 5 × 4", "3"]
    total = sum(int(row[3].replace(",", "")) for row in rows)
    assert total == long_network.count_params()
    assert rows[0][1].startswith("8, from first to block0")


def test_the_number_of_maps_that_are_left_out_is_said(tmp_path, written):
    page = written[2]
    path = page.split("<h2>The path of one image</h2>")[1].split("</section>")[0]
    assert len(re.findall(r"maps of \d+ × \d+</summary>", path)) == 2  # one a stage
    keras.utils.set_random_seed(0)
    wide = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            keras.layers.Conv2D(96, 3, name="first"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    split = Split(np.zeros((6, 12, 12, 1), "uint8"), np.arange(6) % 3)
    data = Dataset(name="invented", train=split, validation=split, test=split, class_names=NAMES)
    evaluation = Evaluation(split.labels, np.full((6, 3), 1 / 3), NAMES)
    seen = report.explain_samples(wide, data, evaluation)
    run = Run.create(tmp_path, "wide")
    page = report.write(run, evaluation, explanations=seen).read_text()
    assert "<summary>first: 16 of 96 maps of 10 × 10</summary>" in page


@pytest.mark.parametrize(("names", "beside"), [("0123456789", True), (["automobile"] * 10, False)])
def test_a_matrix_that_half_a_page_holds_has_the_classes_beside_it(tmp_path, names, beside):
    labels = np.arange(20) % 10
    evaluation = Evaluation(labels, np.eye(10)[labels], tuple(names))
    page = report.write(Run.create(tmp_path, "matrix"), evaluation).read_text()
    group = page.split('<div class="beside">')[1].split("</div>\n<div")[0]
    assert "<h2>Confusion matrix</h2>" in group
    assert ("<h2>Classes</h2>" in group) == beside
    assert page.count("<h2>Classes</h2>") == 1
