"""The HParams table of a comparison, by the answers of a real TensorBoard server."""

import json
import urllib.parse

import keras
import pytest

import cnnkit
from cnnkit import Experiment, data, models

pytestmark = pytest.mark.once

RATES = (1e-2, 3e-3, 1e-3)


def small(learning_rate: float = 1e-2, pool: str = "max", seed: int = 0):
    """X and O, in a second."""
    shapes = data.xo(train=64, validation=16, test=16, image_size=12, seed=1)
    return Experiment(
        data=shapes,
        model=models.lenet5(shapes.image_shape, 2, pool=pool),
        optimizer=keras.optimizers.Adam(learning_rate),
        epochs=1,
        batch_size=32,
    )


@pytest.fixture(scope="module")
def runs_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for number, rate in enumerate(RATES):
        cnnkit.run(small, runs_dir=folder, name=f"run{number}", learning_rate=rate, seed=number)
    return folder


@pytest.fixture(scope="module")
def ask(runs_dir, tensorboard_of):
    """What the server of the runs with a rate above 0.002 answers."""

    def is_whole(ask):
        found = ask("plugin/scalars/tags")
        return sum("test/accuracy" in tags for tags in found.values()) == 2

    with tensorboard_of(runs_dir, is_whole, "--where", "learning_rate>0.002") as get:
        yield get


@pytest.fixture(scope="module")
def sessions(ask):
    """The rows of the HParams table by the run's name."""
    request = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS"], "colParams": []}
    request |= {"startIndex": 0, "sliceSize": 100}
    query = urllib.parse.urlencode({"request": json.dumps(request)})
    groups = json.loads(ask(f"plugin/hparams/session_groups?{query}&_="))["sessionGroups"]
    return {group["name"].split("/")[-1]: group for group in groups}


def test_the_table_has_the_chosen_runs_alone(sessions, ask):
    assert set(sessions) == {"run0", "run1"}
    assert not any("run2" in run for run in json.loads(ask("runs")))


def test_each_row_has_the_settings_of_its_run(sessions):
    for number, rate in enumerate(RATES[:2]):
        expected = {"learning_rate": rate, "pool": "max", "seed": number, "experiment": "small"}
        assert sessions[f"run{number}"]["hparams"] == expected


def test_each_row_has_the_metrics_of_its_run(sessions, runs_dir):
    for name, session in sessions.items():
        metrics = {
            (each["name"].get("group", ""), each["name"]["tag"]): each["value"]
            for each in session["metricValues"]
        }
        run = cnnkit.Run(runs_dir / "small" / name)
        assert metrics["", "test/accuracy"] == pytest.approx(run.results["test"]["accuracy"])
        for group, column in (("train", "loss"), ("validation", "val_loss")):
            assert metrics[group, "epoch_loss"] == pytest.approx(run.history[column][-1])


def test_what_varies_among_the_chosen_runs_comes_first(ask):
    columns = json.loads(ask("plugin/hparams/experiment", request="{}"))["hparamInfos"]
    assert {each["name"] for each in columns[:2]} == {"learning_rate", "seed"}
    assert all(each.get("differs") for each in columns[:2])
    rates = next(each for each in columns if each["name"] == "learning_rate")
    assert sorted(rates["domainDiscrete"]) == sorted(RATES[:2])
