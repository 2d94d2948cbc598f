"""A run on a table whose pictures may have several classes, from the files to the report."""

import json
import re

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sklearn import metrics
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import cnnkit
from cnnkit import data, report
from cnnkit.cli import main
from cnnkit.errors import SettingError
from cnnkit.experiment.built_in import built_in_experiment

CORNERS = {"red": (0, 0), "green": (0, 6), "blue": (6, 0)}  # where each class puts its patch


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """160 pictures with a red, a green and a blue patch, each there or not, and what is there."""
    folder, rng = tmp_path_factory.mktemp("patches"), np.random.default_rng(0)
    lines = ["path,labels"]
    for number in range(160):
        pixels = rng.integers(0, 60, (12, 12, 3), dtype=np.uint8)
        there = [name for name in CORNERS if rng.random() < 0.4]
        for name in there:
            row, column = CORNERS[name]
            pixels[row : row + 6, column : column + 6, list(CORNERS).index(name)] += 180
        Image.fromarray(pixels).save(folder / f"{number}.png")
        lines.append(f"{number}.png,{'|'.join(there)}")
    (folder / "patches.csv").write_text("\n".join(lines))
    return folder / "patches.csv"


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    return cnnkit.run(
        built_in_experiment,
        dataset=str(table),
        dataset_options={"image_size": 12, "cache": False},
        model="mlp",
        model_options={"hidden_units": (16,)},
        epochs=8,
        batch_size=16,
        learning_rate=3e-3,
        runs_dir=tmp_path_factory.mktemp("runs"),
    )


@pytest.fixture(scope="module")
def patches(table):
    return data.folder(table, image_size=12, cache=False)


@pytest.mark.slow
def test_it_learns_what_is_there(run):
    test = run.results["test"]
    assert test["mean_average_precision"] > 0.9
    assert len(run.history["val_average_precision"]) == 8
    best = run.results["validation"]
    assert best["average_precision"] == run.history["val_average_precision"][best["epoch"] - 1]


def test_the_results_are_those_of_the_saved_model_by_scikit_learn(run, patches):
    probabilities = run.model.predict(np.asarray(patches.test.inputs, "float32"), verbose=0)
    labels, test = patches.test.labels, run.results["test"]
    assert not np.allclose(probabilities.sum(axis=1), 1)
    assert test["loss"] == pytest.approx(
        float(np.mean(keras.losses.binary_crossentropy(labels, probabilities))), rel=1e-4
    )
    expected = metrics.average_precision_score(labels, probabilities)
    assert test["mean_average_precision"] == pytest.approx(expected)
    assert test["exact_match"] == metrics.accuracy_score(labels, probabilities > 0.5)


def test_the_report_names_classes_and_confuses_none(run, patches):
    text = (run.folder / "report.html").read_text()
    first = text.split("<section>")[0]
    assert f"{100 * run.results['test']['mean_average_precision']:.2f}\u202f%" in first
    assert "Confusion" not in text
    assert f"{len(patches.train)} train, " in text  # samples, not labels
    assert f"{int(patches.train.labels[:, 1].sum())} of green" in text
    assert re.findall(r"<h2>Classes</h2>.*?</table>", text, re.S)[0].count("<tr>") == 4
    report.write(run, None)
    assert "mean average precision" in (run.folder / "report.html").read_text()


def test_tensorboard_shows_the_pictures_and_no_matrix(run):
    events = EventAccumulator(str(run.folder / "tensorboard"))
    events.Reload()
    tags = {tag for found in events.Tags().values() if isinstance(found, list) for tag in found}
    assert {tag for tag in tags if tag.startswith("test/")} == {
        "test/predicted_and_true", "test/mean_average_precision", "test/exact_match",
    }  # fmt: skip


@pytest.mark.parametrize("command", [["show"], ["runs"]])
def test_the_command_line_tells_the_mean_average_precision(run, command):
    names = [str(run.folder)] if command == ["show"] else []
    runs_dir = ["--runs-dir", str(run.folder.parents[1])]
    result = CliRunner().invoke(main, [*command, *names, *runs_dir], catch_exceptions=False)
    assert f"{run.results['test']['mean_average_precision']:.2%}" in result.output


def test_weights_and_mixed_labels_fit_too(table):
    options = {"image_size": 12, "cache": False}
    for changes in ({"balance": "weights"}, {"augment": "mixup"}):
        made = built_in_experiment(
            dataset=str(table), dataset_options=options, model="mlp", **changes
        )
        assert made.loss.from_logits
        assert "Sparse" not in json.dumps(keras.saving.serialize_keras_object(made.loss))
    with pytest.raises(SettingError, match="several classes cannot be repeated"):
        built_in_experiment(
            dataset=str(table), dataset_options=options, model="mlp", balance="sampling"
        )
