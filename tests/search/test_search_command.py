"""`cnnkit search` as a user types it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner
from optuna.trial import TrialState
from PIL import Image

from cnnkit.cli import main
from cnnkit.runs import Run
from cnnkit.search import ledger
from cnnkit.search.storage import open_storage, url_of
from cnnkit.search.study import best_trials

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
QUICK = """
import keras
from cnnkit import Experiment, data, models, search

space = {"learning_rate": search.log_uniform(1e-3, 1e-1), "filters": (2, 4, 8)}

def experiment(epochs: int = 2, learning_rate: float = 1e-2, filters: int = 4):
    \"\"\"A small run on X and O.\"\"\"
    shapes = data.xo(train=64, validation=16, test=16, image_size=12)
    model = models.convnet(shapes.image_shape, 2, widths=(filters,), depths=(1,), hidden_units=())
    return Experiment(
        data=shapes, model=model, optimizer=keras.optimizers.Adam(learning_rate), epochs=epochs,
        batch_size=8,
    )
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with one experiment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CNNKIT_STORAGE", raising=False)
    Path("experiments").mkdir()
    Path("experiments/quick.py").write_text(QUICK)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return tmp_path


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def started(*arguments):
    """The command as a process of its own, with a process group of its own."""
    code = "from cnnkit.cli import main; main(prog_name='cnnkit')"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("space", "arguments", "words"),
    [
        ('{"learning_rat": (1, 2)}', [], "named 'learning_rat'; did you mean 'learning_rate'"),
        ('{"filters": search.integers(9, 2)}', [], "integers(9, 2) is empty"),
        ('{"filters": ()}', [], "'filters' is empty: give its tuple some choices"),
        ("lambda trial: {'filtres': 1}", [], "named 'filtres'; did you mean 'filters'"),
        (None, ["--sampler", "grid"], "'learning_rate' of the space"),
        (None, ["--sampler", "tpa"], "'tpa' is not one of"),
        (None, ["--objective", "speed"], "'speed' is not one of"),
        (
            None, ["--objective", "accuracy", "--objective", "latency", "--pruner", "median"],
            "prunes searches with one objective, not with 2",
        ),
        (None, ["--objective", "loss", "--objective", "loss"], "each once"),
        (None, ["--filters", 2, "--learning-rate", 0.1], "no setting left to vary"),
        (None, ["--name", "../up"], "leave out '/'"),
        (None, ["--trials", 0], "x>=1"),
        (None, ["--storage", "somewhere"], "A storage is the address of a database"),
        (
            None, ["--storage", "postgresql://ada:s3cret-word@127.0.0.1:1/runs"],
            "ada:***@127.0.0.1:1/runs refuses: connection failed",
        ),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_mistake_gets_one_sentence_and_leaves_nothing(here, space, arguments, words):
    if space is not None:
        Path("experiments/quick.py").write_text(re.sub("space = .*", f"space = {space}", QUICK))
    result = cnnkit("search", "quick", *arguments)
    assert result.exit_code == 2, result.output
    assert words in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert "s3cret" not in result.output
    assert not Path("runs").exists()


def test_an_experiment_with_an_option_of_the_search_as_its_setting_is_refused(here):
    Path("experiments/quick.py").write_text(QUICK.replace("filters", "workers"))
    result = cnnkit("search", "quick")
    assert result.exit_code == 2
    assert (
        "'workers' of the experiment 'quick' has the name of an option of search" in result.output
    )


def test_the_password_that_a_server_refuses_is_not_shown(here, postgresql):
    wrong = postgresql.replace("s3cret-word", "wr0ng-word")
    result = cnnkit("search", "quick", "--storage", wrong)
    assert result.exit_code == 2
    assert "password authentication failed for user" in result.output
    assert "wr0ng" not in result.output


def made(runs_dir, values, directions, name="quick"):
    """A search of trials that trained nothing."""
    folder = runs_dir / "searches" / name
    folder.mkdir(parents=True)
    study = optuna.create_study(
        storage=open_storage(url_of(None, folder), 60), study_name=name, directions=directions
    )
    objectives = ["accuracy", "parameters"][: len(directions)]
    facts = {"experiment": name, "space": "x: uniform(0, 1)", "settings": {"epochs": 3},
             "objectives": objectives, "trials": len(values)}  # fmt: skip
    for key, value in facts.items():
        study.set_user_attr(key, value)
    for number, value in enumerate(values):
        distributions = {name: optuna.distributions.FloatDistribution(0, 1) for name in ("x", "y")}
        study.add_trial(
            optuna.create_trial(
                values=value, params={"x": value[0], "y": number % 7 / 7},
                distributions=distributions, user_attrs={"run": f"quick/{name}-{number:04d}"},
            )
        )  # fmt: skip
    return study


def test_show_tells_trials_and_what_mattered(here):
    made(here / "runs", [[number / 30] for number in range(30)], ["maximize"])
    result = cnnkit("search", "show", "quick")
    assert result.exit_code == 0, result.output
    first = re.search(r"^\s+(\d+)\s+complete\s+([\d.]+)", result.output, re.MULTILINE)
    assert first.groups() == ("29", "0.9667")
    assert "... and 10 more" in result.output
    shares = dict(re.findall(r"^ (x|y)\s+([\d.]+)%", result.output, re.MULTILINE))
    assert float(shares["x"]) > 90  # the value is x itself
    page = Path("runs/searches/quick/search.html").read_text()
    assert page.count("<svg") == 2
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page).replace("http-equiv", "")
    with Image.open("runs/searches/quick/history.png") as picture:
        assert picture.format == "PNG"


def test_the_pareto_front_is_what_no_trial_beats_in_both(here):
    values = [[(7 * n % 23) / 23, float((11 * n % 29) * 1000 + 1)] for n in range(25)]
    study = made(here / "runs", values, ["maximize", "minimize"])
    front = {
        n
        for n, (accuracy, size) in enumerate(values)
        if not any(a >= accuracy and s <= size and (a, s) != (accuracy, size) for a, s in values)
    }
    best = best_trials(study)
    assert {trial.number for trial in best} == front
    assert [trial.values[0] for trial in best] == sorted(
        (values[n][0] for n in front), reverse=True
    )
    result = cnnkit("search", "show", "quick", "--all")
    with Image.open("runs/searches/quick/pareto.png") as picture:
        assert picture.format == "PNG"
    assert "Pareto front" in Path("runs/searches/quick/search.html").read_text()
    numbers = [int(n) for n in re.findall(r"^\s+(\d+)\s+complete", result.output, re.MULTILINE)]
    assert set(numbers[: len(front)]) == front


def test_show_of_no_search_says_which_there_are(here):
    made(here / "runs", [[0.5]], ["maximize"])
    result = cnnkit("search", "show", "quik")
    assert result.exit_code == 2
    assert "no search named 'quik'" in result.output
    assert "has quick" in result.output


@pytest.mark.slow
@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_a_search_with_a_killed_worker_does_every_trial_once(here, where, request):
    options = ["search", "quick", "--trials", 6, "--workers", 2, "--heartbeat", 1, "--epochs", 4]
    if where == "postgresql":
        options += ["--storage", request.getfixturevalue("postgresql")]
    process = started(*options)
    folder = here / "runs" / "quick"
    while not list(folder.glob("*/metrics.csv")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    victim = json.loads(next(folder.glob("*/metrics.csv")).with_name("status.json").read_text())
    os.kill(victim["pid"], signal.SIGKILL)
    printed, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    runs = [Run(path) for path in sorted(folder.iterdir())]
    assert [run.name for run in runs] == [f"quick-{number:04d}" for number in range(6)]
    assert {run.status["state"] for run in runs} == {"finished"}
    assert all(len(run.history["epoch"]) == 4 for run in runs)
    assert sorted(map(int, re.findall(r"^Trial (\d+)", printed, re.MULTILINE))) == list(range(6))
    assert sum(run.results["test"] is not None for run in runs) == 1
    said = (
        printed
        + errors
        + "".join(run.folder.joinpath("experiment.json").read_text() for run in runs)
    )
    assert "s3cret" not in said
    if where == "sqlite":
        study = optuna.load_study(
            study_name="quick", storage=f"sqlite:///{here}/runs/searches/quick/study.sqlite3"
        )
        done = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
        assert sorted(map(ledger.root_of, done)) == list(range(6))


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(here):
    options = ["search", "quick", "--trials", 4, "--workers", 2, "--epochs", 30]
    process = started(*options)
    folder = here / "runs" / "quick"
    while len(list(folder.glob("*/metrics.csv"))) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Interrupted" in errors
    assert "The same command goes on" in errors
    assert "Traceback" not in errors
    states = {run.name: run.status["state"] for run in map(Run, folder.iterdir())}
    assert "running" not in states.values()
    done = cnnkit(*options)
    assert done.exit_code == 0, done.output
    runs = [Run(path) for path in sorted(folder.iterdir())]
    assert len(runs) == 4
    assert {run.status["state"] for run in runs} == {"finished"}
    assert any(run.status.get("resumed") for run in runs)
    assert sum(run.results["test"] is not None for run in runs) == 1
