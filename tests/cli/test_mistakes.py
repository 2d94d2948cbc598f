"""`cnnkit mistakes`: its numbers are those of scikit-learn on the model's own predictions."""

import json
import re
import shutil

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy import special
from sklearn import metrics

from cnnkit import data, plots, runs, training
from cnnkit.cli import main
from cnnkit.evaluation import reliability

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistaken")
    result = cnnkit(
        "run", "--dataset", "xo", "--dataset-option", "train=64", "--dataset-option", "test=40",
        "--dataset-option", "image_size=12", "--epochs", 1, "--model", "convnet", "--model-option",
        "widths=(4,)", "--model-option", "depths=(1,)", "--name", "weak", "--runs-dir", folder,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_says_what_scikit_learn_says_and_draws_mistakes(runs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cnnkit("mistakes", "weak", "--temperature", "--runs-dir", runs_dir)
    assert result.exit_code == 0, result.output
    test = data.xo(train=64, test=40, image_size=12).test
    chances = runs.resolve("weak", runs_dir).model.predict(test.inputs, verbose=0)
    guesses = chances.argmax(axis=1)
    assert f"{metrics.accuracy_score(test.labels, guesses):.2%}" in result.output
    for name, recall in zip("XO", metrics.recall_score(test.labels, guesses, average=None)):  # noqa: B905
        assert re.search(rf"{name} +\d+ +{100 * recall:.1f}%", result.output)
    listed = re.search(r"worst mistakes.*?closest", result.output, re.DOTALL)[0]
    samples = [int(number) for number in re.findall(r"test:(\d+)", listed)]
    losses = -np.log(chances[np.arange(40), test.labels])
    wrong = np.flatnonzero(guesses != test.labels)
    assert samples == wrong[np.argsort(-losses[wrong], kind="stable")][:8].tolist()
    assert re.search(r"Temperature +\d+\.\d+", result.output)
    assert np.asarray(Image.open("mistakes.png").convert("L")).std() > 10


@pytest.mark.parametrize("helps", [True, False])
def test_a_temperature_that_makes_it_worse_is_not_applied(runs_dir, tmp_path, monkeypatch, helps):
    monkeypatch.chdir(tmp_path)
    test = data.xo(train=64, test=40, image_size=12).test
    chances = runs.resolve("weak", runs_dir).model.predict(test.inputs, verbose=0)
    before = reliability(test.labels, chances).expected_calibration_error
    errors = {t: _error(test.labels, chances, t) for t in np.geomspace(0.05, 20, 60)}
    temperature = (min if helps else max)(errors, key=errors.get)
    after = errors[temperature]
    assert (after < before) == helps
    monkeypatch.setattr("cnnkit.cli.mistakes.fit_temperature", lambda *_: temperature)
    output = cnnkit("mistakes", "weak", "--temperature", "--runs-dir", runs_dir).output
    assert f"Calibration error  {before:.2%}" in output
    if helps:
        words = rf"{temperature:.3f}, by which the error becomes {after:.2%}\n"
    else:
        words = rf"{temperature:.3f}, not applied: fitted to \d+ validation samples, it makes the "
        words += f"error {after:.2%}\n"
    assert re.search(f"Temperature        {words}", output)


def _error(labels, chances, temperature):
    """The calibration error of softmax(logits / temperature), by SciPy."""
    scaled = special.softmax(np.log(np.asarray(chances, np.float64)) / temperature, axis=1)
    return reliability(labels, scaled).expected_calibration_error


def test_draws_the_nearest_of_all_training_images_by_features_computed_once(
    runs_dir, tmp_path, monkeypatch, own_image_cache
):
    monkeypatch.chdir(tmp_path)
    drawn = []
    original = plots.image_grid
    monkeypatch.setattr(plots, "image_grid", lambda *args: drawn.append(args[1]) or original(*args))
    first, again = (cnnkit("mistakes", "weak", "--runs-dir", runs_dir).output for _ in range(2))
    assert "nearest of 64 training images" in first
    assert "64/64" in first
    assert "64/64" not in again

    dataset, model = data.xo(train=64, test=40, image_size=12), runs.resolve("weak", runs_dir).model
    inner = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    read = keras.Model(inner.inputs, inner.layers[-1].input)  # what the last dense layer reads
    test, train = (read.predict(x, verbose=0) for x in (dataset.test.inputs, dataset.train.inputs))
    for captions in zip(*[iter(drawn[0])] * 4, strict=True):
        mistake, *near = (int(re.match(r"\w+:(\d+) ", caption)[1]) for caption in captions)
        gaps = np.linalg.norm(train - test[mistake], axis=1)
        np.testing.assert_allclose(gaps[near], np.sort(gaps)[:3], atol=1e-4)


def test_says_why_neighbours_are_left_out(runs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "runs" / "xo-convnet" / "weak"
    shutil.copytree(runs_dir / "xo-convnet" / "weak", copy)
    image = keras.Input((12, 12, 1))
    maps = keras.layers.Conv2D(2, 12, activation="softmax")(image)  # no dense layer
    keras.Model(image, keras.layers.Flatten()(maps), name="maps").save(copy / "model.keras")
    result = cnnkit("mistakes", "weak", "--trust", "--runs-dir", tmp_path / "runs")
    assert "neighbours" not in result.output
    assert "nearest training images are left out: Model 'maps' has no dense layer" in result.output
    assert "Picture" in result.output


def test_looks_for_label_errors_on_request(runs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cnnkit(
        "mistakes", "weak", "--label-errors", "--folds", 2, "--count", 2, "--runs-dir", runs_dir
    )
    assert result.exit_code == 0, result.output
    assert re.search(r"\d+ of \d+ training labels are doubted", result.output)


def test_too_many_folds_are_refused_before_anything_is_drawn(runs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cnnkit("mistakes", "weak", "--label-errors", "--folds", 65, "--runs-dir", runs_dir)
    assert result.exit_code == 2
    assert result.output == "Error: There are from 2 to 64 folds of these samples, not 65.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_folds_train_in_the_precision_of_the_run(runs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "runs" / "xo-convnet" / "weak"
    shutil.copytree(runs_dir / "xo-convnet" / "weak", copy)
    record = copy / "environment.json"
    told = json.loads(record.read_text())
    record.write_text(json.dumps(told | {"precision": "mixed_bfloat16"}))
    computed = []

    def without_training(make, folds, seed):
        experiment = make()
        computed.append(experiment.model.layers[1].compute_dtype)
        return np.eye(2)[experiment.data.train.labels]

    monkeypatch.setattr(training, "out_of_fold", without_training)
    result = cnnkit("mistakes", "weak", "--label-errors", "--runs-dir", tmp_path / "runs")
    assert result.exit_code == 0, result.output
    assert computed == ["bfloat16"]
