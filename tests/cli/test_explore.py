"""`cnnkit explore`: what it serves, what it writes, and what it refuses."""

import json
import re
import urllib.request

import numpy as np
import pytest
from click.testing import CliRunner

import cnnkit as cnnkit_package
from cnnkit import data, runs
from cnnkit.cli import main
from cnnkit.runs.verification import verify

pytestmark = pytest.mark.once


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def train(folder, name, *options):
    result = cnnkit("run", "--epochs", 1, "--name", name, "--runs-dir", folder, *options)
    assert result.exit_code == 0, result.output


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explored")
    tiny = ("--model-option", "widths=(4,)", "--model-option", "depths=(1,)")
    sizes = [("train", 64), ("test", 40)]
    options = [f"--dataset-option={name}={value}" for name, value in sizes]
    xo = ["--dataset", "xo", *options, "--model", "convnet", *tiny]
    train(folder, "weak", *xo, "--dataset-option=image_size=12")
    train(folder, "larger", *xo, "--dataset-option=image_size=14")
    chirps = [f"--dataset-option={name}=8" for name in ("train", "validation", "test")]
    train(folder, "heard", "--dataset", "chirps", *chirps, "--model", "convnet", *tiny)
    return folder


def network_in(page, name="network"):
    found = re.search(rf'id="{name}">(.*?)</script>', page.read_text(), re.DOTALL)[1]
    return json.loads(found)


def test_a_page_has_test_pictures_as_the_model_answers_them(runs_dir, tmp_path):
    result = cnnkit("explore", "weak", "--output", tmp_path / "page.html", "--runs-dir", runs_dir)
    assert result.exit_code == 0, result.output
    network = network_in(tmp_path / "page.html")
    assert network["classNames"] == ["X", "O"]
    assert network["preparation"]["range"] == [-1, 1]
    test = data.xo(train=64, test=40, image_size=12).test
    chances = runs.resolve("weak", runs_dir).model.predict(test.inputs, verbose=0)
    wrong = np.flatnonzero(chances.argmax(axis=1) != test.labels)
    found = [sample for sample in network["samples"] if sample["label"] != sample["predicted"]]
    assert len(found) == min(8, len(wrong))
    losses = -np.log(chances[wrong, test.labels[wrong]])
    worst = wrong[losses.argmax()]
    assert found[0]["predicted"] == chances[worst].argmax()
    assert found[0]["probability"] == pytest.approx(chances[worst].max(), abs=1e-5)
    right = [sample["label"] for sample in network["samples"] if sample not in found]
    assert len(right) == min(10, 40 - len(wrong))


def test_float16_is_smaller_and_both_are_small(runs_dir, tmp_path):
    sizes = []
    for options in ((), ("--float16",)):
        page = tmp_path / "page.html"
        result = cnnkit("explore", "weak", "--output", page, *options, "--runs-dir", runs_dir)
        assert result.exit_code == 0, result.output
        sizes.append(page.stat().st_size)
    assert sizes[1] < sizes[0] < 1_500_000


def test_the_report_links_to_a_page_beside_it_and_stays_verified(runs_dir):
    run = runs.resolve("weak", runs_dir)
    for _ in range(2):
        page = run.folder / "explorer.html"
        result = cnnkit("explore", "weak", "--output", page, "--runs-dir", runs_dir)
        assert "Report   links to it" in result.output, result.output
    assert (run.folder / "report.html").read_text().count('<a href="explorer.html">') == 1
    assert verify(run) == {}


def test_the_printed_address_is_the_page(runs_dir, monkeypatch):
    seen, opened = [], []

    def look(explorer):
        with urllib.request.urlopen(explorer.address + "network.json", timeout=30) as answer:
            seen.append(json.load(answer)["classNames"])
        explorer.close()

    monkeypatch.setattr("cnnkit.explorer.server.Explorer.wait", look)
    monkeypatch.setattr("webbrowser.open", opened.append)
    result = cnnkit("explore", "weak", "--runs-dir", runs_dir)
    assert result.exit_code == 0, result.output
    assert seen == [["X", "O"]]
    assert opened == [re.search(r"http://127\.0\.0\.1:\d+/\S+/", result.output)[0]]
    cnnkit("explore", "weak", "--no-browser", "--runs-dir", runs_dir)
    assert len(seen) == 2
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("weak", "--float16"), "--float16 is for --output"),
        (("weak", "--output", "page.pdf"), "name one that ends in .html"),
        (("weak", "--output", "no/such/folder.html"), "cannot be written"),
        (("nothing",), "nothing"),
        (("heard", "--output", "page.html"), "the explorer shows networks of pictures"),
        (("weak", "--against", "larger", "--output", "page.html"), "their pictures differ"),
    ],
)
def test_what_cannot_be_explored_is_one_sentence(
    runs_dir, tmp_path, monkeypatch, arguments, sentence
):
    monkeypatch.chdir(tmp_path)
    result = cnnkit("explore", *arguments, "--runs-dir", runs_dir)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "page.html").exists()


def test_a_damaged_run_is_one_sentence(runs_dir, tmp_path):
    import shutil

    folder = tmp_path / "damaged"
    shutil.copytree(runs.resolve("weak", runs_dir).folder, folder)
    (folder / "model.keras").write_bytes(b"nothing")
    result = cnnkit("explore", folder, "--output", tmp_path / "page.html")
    assert result.exit_code == 2
    assert "has changed since the run wrote it" in result.output


def test_xo_is_the_network_made_by_hand_beside_one_that_learnt(tmp_path):
    page = tmp_path / "xo.html"
    result = cnnkit("explore", "xo", "--output", page)
    assert result.exit_code == 0, result.output
    by_hand, learnt = network_in(page), network_in(page, "against")
    assert by_hand["fractions"] == 9
    assert [layer["name"] for layer in by_hand["layers"]][-1] == by_hand["logits"] == "votes"
    deformed = by_hand["samples"][2]
    assert (deformed["label"], deformed["predicted"]) == (0, 0)
    right = [sample["label"] == sample["predicted"] for sample in learnt["samples"]]
    assert sum(right) == 10


def test_a_notebook_shows_the_page_that_is_served(runs_dir):
    explorer = cnnkit_package.explore(runs.resolve("weak", runs_dir))
    address = re.search(r'<iframe src="([^"]+)"', explorer._repr_html_())[1]
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert b'<div id="explorer">' in answer.read()
    explorer.close()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(address, timeout=5)
