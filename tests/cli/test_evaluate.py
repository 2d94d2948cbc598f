"""`cnnkit evaluate`: tables, JSON, pictures and a page of the same numbers."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import cnnkit
from cnnkit import data, models
from cnnkit.cli import main

pytestmark = pytest.mark.once


def shapes():
    """X and O."""
    import keras

    return cnnkit.Experiment(
        data=data.xo(train=64, validation=16, test=40, image_size=12),
        model=models.mlp((12, 12, 1), 2, hidden_units=(8,)),
        optimizer=keras.optimizers.Adam(1e-2),
        epochs=2,
    )


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name in ("one", "two"):
        cnnkit.run(shapes, runs_dir=folder, name=name)
    return folder


def call(*words, exit_code=0):
    done = CliRunner().invoke(main, ["evaluate", *map(str, words), "--resamples", "30"])
    assert done.exit_code == exit_code, done.output
    return done


@pytest.fixture
def files(runs_dir, tmp_path):
    """A folder of pictures named as the run's classes, but for one."""
    dataset = data.xo(train=8, validation=8, test=12, image_size=12)
    for number, (pixels, label) in enumerate(
        zip(dataset.test.inputs, dataset.test.labels, strict=True)
    ):
        folder = tmp_path / "new" / dataset.class_names[label].lower()
        folder.mkdir(parents=True, exist_ok=True)
        grey = ((pixels[..., 0] + 1) * 127.5).round().astype(np.uint8)
        Image.fromarray(grey).save(folder / f"{number}.png")
    (tmp_path / "new" / "<z>").mkdir()
    Image.new("L", (5, 5)).save(tmp_path / "new" / "<z>" / "0.png")
    return tmp_path / "new"


def test_the_table_and_the_json_have_the_runs_own_accuracy(runs_dir):
    run = cnnkit.Run(runs_dir / "shapes" / "one")
    accuracy = run.results["test"]["accuracy"]
    shown = call("shapes/one", "--runs-dir", runs_dir).output
    assert re.search(rf"accuracy +{accuracy:.2%} ", shown)
    found = json.loads(call("shapes/one", "--runs-dir", runs_dir, "--json").stdout)
    assert found["accuracy"]["value"] == accuracy
    assert found["accuracy"]["interval"] == pytest.approx(run.results["test"]["accuracy_interval"])
    assert found["classes"][0]["roc_curve"]["area"] == found["classes"][0]["roc_area"]["value"]
    matrix = run.results["test"]["confusion_matrix"]
    assert found["confusion_matrix"] == matrix


def test_several_runs_are_one_table(runs_dir):
    done = call("one", "two", "--runs-dir", runs_dir)
    lines = done.output.splitlines()
    assert sum("shapes/one" in line or "shapes/two" in line for line in lines) == 2
    found = json.loads(call("one", "two", "--runs-dir", runs_dir, "--json").stdout)
    assert [each["model"] for each in found] == ["shapes/one", "shapes/two"]


def test_a_folder_with_another_class_says_which_match(runs_dir, files):
    done = call("one", "--runs-dir", runs_dir, "--dataset", files)
    assert "2 of 3 classes of the data match by name." in done.stderr
    assert "Left out, as the model does not know them: <z>." in done.stderr
    assert "1 sample of a class that the model does not know is left out." in done.stderr
    assert "12 samples of new (all)" in done.stdout


class Page(HTMLParser):
    """Remembers every tag, and each address that would be fetched."""

    def __init__(self):
        super().__init__()
        self.tags, self.fetched = [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.fetched += [
            value for name, value in attributes
            if name in ("src", "href", "xlink:href") and not value.startswith(("data:", "#"))
        ]  # fmt: skip


def test_the_page_is_whole_and_escapes_names(runs_dir, files, tmp_path):
    call("one", "--runs-dir", runs_dir, "--dataset", files, "--output", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        "evaluation.json", "evaluation.html", "roc.png", "precision_recall.png", "calibration.png",
        "confusion.png",
    }  # fmt: skip
    text = (tmp_path / "out" / "evaluation.html").read_text()
    page = Page()
    page.feed(text)
    assert page.fetched == []
    assert "script" not in page.tags
    assert page.tags.count("svg") >= 3
    assert "&lt;z&gt;" in text
    assert "<z>" not in text
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    rate = 100 * found["accuracy"]["value"]
    assert f"{rate:.2f}\u202f%" in text
    for name in names - {"evaluation.json", "evaluation.html"}:
        with Image.open(tmp_path / "out" / name) as image:
            assert len(np.unique(np.asarray(image))) > 10


def test_several_runs_have_a_folder_each(runs_dir, tmp_path):
    call("one", "two", "--runs-dir", runs_dir, "--output", tmp_path)
    assert (tmp_path / "one" / "evaluation.html").exists()
    assert (tmp_path / "two" / "evaluation.json").exists()


def test_a_mistake_is_told_in_a_sentence(runs_dir, tmp_path):
    output = call("mobilenet_v2", exit_code=2).output
    assert "needs a dataset" in output
    output = call("nine", "--runs-dir", runs_dir, exit_code=2).output
    assert "named 'nine'" in output
