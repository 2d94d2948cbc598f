"""Trials are ordinary runs: recorded, pruned, stopped and gone on with, and not tested."""

import dataclasses
import signal

import keras
import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from sklearn.metrics import accuracy_score

import cnnkit
from cnnkit import Experiment, data, models, search
from cnnkit.errors import SettingError
from cnnkit.runs import Run
from cnnkit.search import ledger
from cnnkit.search.job import Job, source_and_types
from cnnkit.search.samplers import sampler_of
from cnnkit.search.space import Space
from cnnkit.search.storage import open_storage
from cnnkit.search.study import DATA, OtherDataError, identity, join
from cnnkit.search.taking import take_trials
from cnnkit.search.trial import Trainer
from cnnkit.search.worker import work
from cnnkit.training.whole_training import evaluate_finished

space = {"learning_rate": search.log_uniform(1e-3, 1e-1), "filters": (2, 4)}


class StopOnce(keras.callbacks.Callback):
    """Sends SIGTERM in the third epoch, once a process."""

    armed = False

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2 and StopOnce.armed:
            StopOnce.armed = False
            signal.raise_signal(signal.SIGTERM)


def experiment(epochs: int = 4, learning_rate: float = 1e-2, filters: int = 4):
    """A small network on X and O."""
    shapes = data.xo(train=48, validation=32, test=32, image_size=12)
    return Experiment(
        data=shapes,
        model=models.convnet(
            shapes.image_shape, 2, widths=(filters,), depths=(1,), hidden_units=()
        ),
        optimizer=keras.optimizers.Adam(learning_rate),
        epochs=epochs,
        batch_size=16,
        callbacks=(StopOnce(),),
    )


def searched(tmp_path, trials=2, pruner=None, objectives=("accuracy",), **options):
    """A trainer of a new study, with so many trials planned."""
    whole = Space(experiment, space)
    study = join(
        open_storage(f"sqlite:///{tmp_path / 'study.sqlite3'}", 60), "wide",
        identity(experiment, "experiment", whole, {}, objectives),
        sampler_of("random", whole, 0), pruner or optuna.pruners.NopPruner(),
    )  # fmt: skip
    ledger.plan(study, trials)
    return Trainer(study, whole, objectives, tmp_path / "runs", precision="float32", **options)


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A search of two trials that are done, and what the worker told."""
    tmp_path = tmp_path_factory.mktemp("done")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    trainer = searched(tmp_path, objectives=("accuracy", "parameters", "multiply_adds", "latency"))
    facts = []
    job = Job(
        "wide", **source_and_types(experiment, {}), url=f"sqlite:///{tmp_path / 'study.sqlite3'}",
        heartbeat=60, runs_dir=str(tmp_path / "runs"), sampler="random", pruner="none",
        objectives=trainer.objectives, seed=None, precision="float32", command="as typed",
    )  # fmt: skip
    work(Job.from_json(job.as_json()), facts.append)
    folder = next((tmp_path / "runs").iterdir()).name
    return trainer.study, [Run(tmp_path / "runs" / folder / f"wide-000{n}") for n in (0, 1)], facts


def test_each_trial_is_a_run_with_its_settings_and_its_study(done):
    study, runs, facts = done
    for trial, run in zip(study.trials, runs, strict=True):
        recipe = run.experiment
        assert run.status["state"] == "finished"
        assert recipe["study"] == {"name": "wide", "trial": trial.number}
        assert recipe["command"] == "as typed"
        assert {name: recipe["settings"][name] for name in trial.params} == trial.params
        assert trial.user_attrs["run"] == f"{run.folder.parent.name}/{run.name}"
        assert (run.folder / "report.html").exists()
    assert [fact["trial"] for fact in facts] == [0, 1]


def test_values_are_those_of_the_chosen_epoch_and_of_the_network(done):
    study, runs, _ = done
    for trial, run in zip(study.trials, runs, strict=True):
        accuracy, parameters, multiply_adds, latency = trial.values
        filters = trial.params["filters"]
        assert accuracy == pytest.approx(max(run.history["val_accuracy"]))
        assert parameters == (9 + 1) * filters + 36 * filters * 2 + 2
        assert multiply_adds == 144 * 9 * filters + 36 * filters * 2
        assert 0 < latency < 1000


@pytest.mark.once
def test_the_test_split_is_left_alone_until_a_trial_is_chosen(done):
    _, runs, _ = done
    assert [run.results["test"] for run in runs] == [None, None]
    evaluate_finished(runs[0])
    split = experiment().data.test
    answers = np.argmax(runs[0].model.predict(split.inputs.astype("float32"), verbose=0), axis=1)
    assert runs[0].results["test"]["accuracy"] == accuracy_score(split.labels, answers)
    assert runs[1].results["test"] is None
    with pytest.raises(cnnkit.errors.RunFolderError, match="tested already"):
        evaluate_finished(runs[0])


def test_a_trial_that_falls_behind_ends_early(tmp_path):
    trainer = searched(
        tmp_path, trials=1, pruner=optuna.pruners.ThresholdPruner(lower=2, n_warmup_steps=3)
    )
    facts = []
    take_trials(trainer.study, trainer.train, facts.append)
    (trial,) = trainer.study.trials
    run = Run(tmp_path / "runs" / trial.user_attrs["run"])
    assert (trial.state, facts[0]["state"]) == (TrialState.PRUNED, "pruned")
    assert trial.intermediate_values == pytest.approx(
        dict(zip((1, 2, 3), run.history["val_accuracy"], strict=True))
    )
    assert run.status["state"] == "interrupted"
    assert run.status["reason"] == "pruned after epoch 3 by the search"


@pytest.mark.once
def test_a_stopped_trial_goes_on_to_the_same_numbers(tmp_path):
    trainer = searched(tmp_path, trials=1)
    StopOnce.armed = True
    with pytest.raises(KeyboardInterrupt):
        take_trials(trainer.study, trainer.train, lambda fact: None)
    waits = trainer.study.trials[1]
    assert (waits.state, ledger.root_of(waits)) == (TrialState.WAITING, 0)
    take_trials(trainer.study, trainer.train, lambda fact: None)
    stopped, goes_on = trainer.study.trials
    assert stopped.params == goes_on.params
    run = Run(tmp_path / "runs" / goes_on.user_attrs["run"])
    assert [each["epoch"] for each in run.status["resumed"]] == [2]
    assert len(list(run.folder.parent.iterdir())) == 1
    plain = cnnkit.run(
        experiment, **goes_on.params, runs_dir=tmp_path / "plain", precision="float32"
    )
    assert goes_on.value == max(plain.history["val_accuracy"])
    for name in ("loss", "val_loss"):
        assert run.history[name] == plain.history[name]


@pytest.mark.once
def test_a_setting_that_does_not_work_fails_its_trial_alone(tmp_path):
    trainer = searched(tmp_path)
    declared = {"filters": lambda trial: trial.suggest_categorical("filters", (0, 2))}
    trainer = dataclasses.replace(trainer, space=Space(experiment, declared))
    for filters in (0, 2):
        trainer.study.enqueue_trial({"filters": filters})
    trainer.study.set_user_attr("trials", 4)
    facts = []
    take_trials(trainer.study, trainer.train, facts.append)
    states = {trial.params["filters"]: trial.state for trial in trainer.study.trials}
    assert states == {0: TrialState.FAIL, 2: TrialState.COMPLETE}
    (error, *_) = [fact["error"] for fact in facts if fact["state"] == "fail"]
    assert "filters" in error
    ledger.plan(trainer.study, 4)  # it would fail again, and so is not planned again
    assert not ledger.waiting(trainer.study)


def test_a_worker_with_other_data_is_refused_and_its_trial_waits(tmp_path):
    trainer = searched(tmp_path, trials=1)
    trainer.study.set_user_attr(DATA, "0" * 64)
    with pytest.raises(OtherDataError, match="data with the hash 000000000000"):
        take_trials(trainer.study, trainer.train, lambda fact: None)
    assert ledger.waiting(trainer.study)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"experiment": "another"}, "is of the experiment 'experiment', and not of 'another'"),
        ({"source": "0" * 64}, "another version of the experiment's file"),
        ({"settings": {"epochs": 9}}, r"has the settings {}, and not {'epochs': 9}"),
        ({"objectives": ["loss"]}, r"has the objectives \['accuracy'\], and not \['loss'\]"),
    ],
)
def test_the_name_of_another_search_is_refused(tmp_path, change, words):
    trainer = searched(tmp_path, trials=1)
    who = identity(experiment, "experiment", trainer.space, {}, ("accuracy",)) | change
    storage = open_storage(f"sqlite:///{tmp_path / 'study.sqlite3'}", 60)
    with pytest.raises(SettingError, match=words):
        join(storage, "wide", who, optuna.samplers.RandomSampler(), optuna.pruners.NopPruner())
