"""What a real TensorBoard server answers about a run."""

import csv
import io
import itertools
import json
import re
import urllib.parse

import keras
import numpy as np
import pytest
from PIL import Image

import cnnkit
from cnnkit import Experiment, data, models
from cnnkit.tensorboard.event_files import graph_of

pytestmark = pytest.mark.once

EPOCHS, STEPS = 3, 4


def watched(epochs: int = EPOCHS, learning_rate: float = 1e-2):
    """A run to watch."""
    digits = data.digits(image_size=12)
    few = data.Split(digits.train.inputs[:128], digits.train.labels[:128])
    from dataclasses import replace

    return Experiment(
        data=replace(digits, train=few),
        model=models.lenet5(digits.image_shape, 10),
        optimizer=keras.optimizers.Adam(learning_rate),
        epochs=epochs,
        batch_size=32,
    )


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    cnnkit.run(watched, runs_dir=folder, name="first")
    cnnkit.run(watched, runs_dir=folder, name="second", learning_rate=1e-3)
    return folder


@pytest.fixture(scope="module")
def ask(runs_dir, tensorboard_of):
    """A function from a path of the server's to its answer."""

    def is_whole(ask):
        found = ask("plugin/scalars/tags")
        return len(found) >= 6 and "test/accuracy" in found.get("watched/second", {})

    with tensorboard_of(runs_dir, is_whole) as get:
        yield get


def as_json(content):
    return json.loads(content)


def scalars(ask, run, tag):
    """[[wall time, step, value], ...] of a curve."""
    return as_json(ask("plugin/scalars/scalars", run=f"watched/{run}", tag=tag))


@pytest.mark.parametrize(
    ("run", "tag", "column"),
    [
        ("first/train", "epoch_loss", "loss"),
        ("first/train", "epoch_accuracy", "accuracy"),
        ("first/train", "epoch_learning_rate", "learning_rate"),
        ("first/validation", "epoch_loss", "val_loss"),
        ("second/validation", "epoch_accuracy", "val_accuracy"),
        ("second/train", "epoch_learning_rate", "learning_rate"),
    ],
)
def test_curves_are_those_of_metrics_csv(ask, runs_dir, run, tag, column):
    name = run.split("/")[0]
    with open(runs_dir / "watched" / name / "metrics.csv") as file:
        wanted = [float(row[column]) for row in csv.DictReader(file)]
    points = scalars(ask, run, tag)
    assert [step for _, step, _ in points] == list(range(EPOCHS))
    np.testing.assert_allclose([value for *_, value in points], wanted, rtol=1e-6)


def test_every_step_has_a_point_and_an_epochs_last_is_its_mean(ask):
    points = scalars(ask, "first/train", "batch_loss")
    assert [step for _, step, _ in points] == list(range(EPOCHS * STEPS))
    epochs = scalars(ask, "first/train", "epoch_loss")
    np.testing.assert_allclose(
        [value for *_, value in points[STEPS - 1 :: STEPS]],
        [value for *_, value in epochs],
        rtol=1e-6,
    )


def test_validation_is_drawn_against_steps_too(ask):
    points = scalars(ask, "first/validation", "evaluation_loss_vs_iterations")
    assert [step for _, step, _ in points] == [STEPS * epoch for epoch in range(1, EPOCHS + 1)]


def test_the_test_accuracy_is_that_of_results(ask, runs_dir):
    results = json.loads((runs_dir / "watched" / "first" / "results.json").read_text())
    [[_, _, value]] = scalars(ask, "first", "test/accuracy")
    assert value == pytest.approx(results["test"]["accuracy"])


@pytest.mark.parametrize(
    "tag", ["test/predicted_and_true", "filters/first_layer", "test/confusion_matrix"]
)
def test_pictures_are_there_and_not_blank(ask, tag):
    [entry] = as_json(ask("plugin/images/images", run="watched/first", tag=tag, sample=0))
    image = Image.open(io.BytesIO(ask(f"plugin/images/individualImage?{entry['query']}&_=")))
    assert min(image.size) > 100
    assert np.asarray(image.convert("L")).std() > 10


def test_every_weight_has_its_histogram_each_epoch(ask):
    tags = as_json(ask("plugin/histograms/tags"))["watched/first/train"]
    model = models.lenet5((12, 12, 1), 10)
    assert sorted(tags) == sorted(
        f"weights/{variable.path}" for variable in model.trainable_variables
    )
    run = "watched/first/train"
    points = as_json(ask("plugin/histograms/histograms", run=run, tag="weights/C1/kernel"))
    assert [step for _, step, _ in points] == list(range(EPOCHS))
    assert sum(count for _, _, count in points[0][2]) == 5 * 5 * 6


def test_curves_stand_before_histograms_whatever_the_layers_are_called(ask):
    curves = as_json(ask("plugin/scalars/tags"))["watched/first/train"]
    histograms = as_json(ask("plugin/histograms/tags"))["watched/first/train"]
    assert max(curves, key=str.lower) < min(histograms, key=str.lower)


def test_the_graph_has_the_papers_layers_in_order(ask):
    text = ask("plugin/graphs/graph", run="watched/first/train", conceptual="false").decode()
    nodes = re.findall(r'node \{\s+name: "(\w+)"\s+op: "(\w+)"(?:\s+input: "(\w+)")?', text)
    assert [name for name, *_ in nodes] == [
        "image", "C1", "S2", "C3", "S4", "flatten", "C5", "F6", "logits",
    ]  # fmt: skip
    assert {name: op for name, op, _ in nodes}["C3"] == "Conv2D"
    assert all(given == before[0] for before, (*_, given) in itertools.pairwise(nodes))


def test_the_recipe_is_a_text(ask):
    text = ask("plugin/text/text", run="watched/second", tag="recipe").decode()
    assert "learning_rate" in text
    assert "0.001" in text


def test_runs_can_be_compared_by_their_settings(ask):
    request = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS"], "colParams": []}
    request |= {"startIndex": 0, "sliceSize": 100}
    query = urllib.parse.urlencode({"request": json.dumps(request)})
    groups = as_json(ask(f"plugin/hparams/session_groups?{query}&_="))["sessionGroups"]
    found = {group["hparams"]["learning_rate"] for group in groups}
    assert found == {0.01, 0.001}
    assert all(group["hparams"]["experiment"] == "watched" for group in groups)


def test_the_table_of_settings_begins_with_what_varies_and_the_test_accuracy(ask):
    experiment = as_json(ask("plugin/hparams/experiment", request="{}"))
    assert next(each["name"] for each in experiment["hparamInfos"]) == "learning_rate"
    metric = experiment["metricInfos"][0]["name"]
    assert (metric.get("group", ""), metric["tag"]) == ("", "test/accuracy")


def test_runs_have_short_names(ask):
    runs = set(as_json(ask("runs")))
    assert {"watched/first", "watched/first/train", "watched/first/validation"} <= runs
    assert not any("tensorboard" in run for run in runs)


def test_a_graph_with_branches_keeps_every_edge():
    image = keras.Input((8, 8, 3), name="image")
    left = keras.layers.Conv2D(4, 3, padding="same", name="left")(image)
    right = keras.layers.Conv2D(4, 1, name="right")(image)
    model = keras.Model(image, keras.layers.Add(name="sum")([left, right]))
    edges = {node.name: list(node.input) for node in graph_of(model).node}
    assert edges == {"image": [], "left": ["image"], "right": ["image"], "sum": ["left", "right"]}


def test_a_sequential_model_is_a_chain():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")]
    )
    edges = {node.name: list(node.input) for node in graph_of(model).node}
    assert edges["b"] == ["a"]
    assert edges["a"] == [next(iter(edges))]
