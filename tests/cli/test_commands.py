"""The commands as a user types them, and what they say to mistakes."""

import importlib.metadata
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnkit.cli import main
from cnnkit.cli.root import COMMANDS
from cnnkit.runs import Run, checkpoints

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
FAST = """
import keras
from cnnkit import Experiment, data, main, models

def experiment(epochs: int = 2, batch_size: int = 8, learning_rate: float = 1e-2):
    \"\"\"A small run on X and O.\"\"\"
    shapes = data.xo(train=64, validation=16, test=16, image_size=12)
    model = models.convnet(shapes.image_shape, 2, widths=(4,), depths=(1,), hidden_units=())
    return Experiment(
        data=shapes, model=model, optimizer=keras.optimizers.Adam(learning_rate),
        epochs=epochs, batch_size=batch_size,
    )

if __name__ == "__main__":
    main(experiment)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with one experiment."""
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    Path("experiments/__init__.py").write_text("")
    Path("experiments/quick.py").write_text(FAST)
    return tmp_path


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_every_command_says_what_it_does():
    for name, (_, text) in COMMANDS.items():
        result = cnnkit(name, "--help")
        assert result.exit_code == 0
        assert text
        assert "--debug" in result.output


def test_the_version_is_the_packages():
    assert importlib.metadata.version("cnnkit") in cnnkit("--version").output


@pytest.mark.parametrize("word", ["quick", "experiments/quick.py"])
def test_runs_an_experiment_by_name_and_by_file(here, word):
    result = cnnkit("run", word, "--epochs", 1, "--name", "one")
    assert result.exit_code == 0, result.output
    assert re.search(r"Test accuracy  \d+\.\d\d%  \(\d+ of 16;", result.output)
    assert "cnnkit tensorboard --runs-dir runs" in result.output
    assert "open runs/quick/one/report.html" in result.output
    run = Run("runs/quick/one")
    assert f"Training       {run.seconds:.1f} s\n" in result.output
    assert run.experiment["settings"] == {"epochs": 1, "batch_size": 8, "learning_rate": 0.01}
    assert run.experiment["unchanged_settings"] == ["batch_size", "learning_rate"]


def test_the_same_file_is_a_program(here):
    subprocess.run(
        [sys.executable, "-m", "experiments.quick", "--epochs", "1", "--name", "one"],
        check=True, capture_output=True, env=os.environ | {"PYTHONPATH": f"{here}:{ROOT}"},
    )  # fmt: skip
    assert (here / "runs" / "quick" / "one" / "report.html").exists()


def test_runs_any_dataset_with_any_model(here):
    result = cnnkit(
        "run", "--dataset", "xo", "--dataset-option", "train=64", "--dataset-option",
        "image_size=12", "--model", "mlp", "--model-option", "hidden_units=(4,)", "--epochs", 1,
        "--name", "one", "--seed", 3,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    recipe = json.loads(Path("runs/xo-mlp/one/experiment.json").read_text())
    assert recipe["settings"]["dataset_options"] == {"train": 64, "image_size": 12}
    assert recipe["seed"] == 3
    assert recipe["model"]["parameters"] == 144 * 4 + 4 + 4 * 2 + 2


def test_lists_and_shows_runs(here):
    cnnkit("run", "quick", "--epochs", 1, "--name", "first")
    cnnkit("run", "quick", "--epochs", 2, "--name", "second")
    broken = Path("runs/quick/broken")
    broken.mkdir()
    (broken / "status.json").write_text("{")
    listing = cnnkit("runs").output
    assert re.search(r"quick\s+first\s+\S+ \S+\s+finished\s+1\s+\d+\.\d\d%\s+\d+\.\d\d%", listing)
    assert re.search(r"quick\s+broken\s+unreadable: .*status\.json cannot be read", listing)
    shown = cnnkit("show", "sec").output
    assert "A small run on X and O." in shown
    assert re.search(r"^\s*2\s", shown, re.MULTILINE)
    assert "second" in cnnkit("show", "latest").output


def test_an_empty_folder_says_how_to_begin(here):
    assert "No runs in runs; `cnnkit run digits_lenet5` makes one." in cnnkit("runs").output
    shutil.rmtree("experiments")
    assert "`cnnkit new NAME` writes one" in cnnkit("experiments").output


def test_lists_experiments_without_importing_them(here):
    Path("experiments/trap.py").write_text(
        'raise SystemExit\ndef experiment(size: int = 1):\n    """It is a trap."""\n'
    )
    output = cnnkit("experiments").output
    assert re.search(r"quick\s+A small run on X and O\.\s+epochs, batch_size", output)
    assert re.search(r"trap\s+It is a trap\.\s+size", output)


def test_a_new_experiment_runs_as_it_is_written(here):
    result = cnnkit("new", "mine")
    assert result.exit_code == 0
    assert "cnnkit run mine --epochs 2" in result.output
    done = cnnkit("run", "mine", "--epochs", 1, "--filters", "4", "--hidden-units", 8)
    assert done.exit_code == 0, done.output
    again = cnnkit("new", "mine")
    assert again.exit_code == 2
    assert "exists already" in again.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "no command named 'rnu'; did you mean 'run'"),
        (["run", "quik"], "named 'quik'; did you mean 'quick'"),
        (["run", "nowhere.py"], "no experiment file nowhere.py"),
        (["run", "--dataset", "digit"], "no dataset named 'digit'; did you mean 'digits'"),
        (["run", "--model", "lenet"], "no model named 'lenet'; did you mean 'lenet5'"),
        (["run", "--dataset-option", "sise=8"], "option of dataset 'digits' named 'sise'"),
        (["run", "--model-option", "pol=max"], "did you mean 'pool'"),
        (["run", "--model-option", "pool"], "KEY=VALUE"),
        (
            ["run", "--dataset-option", "image_size=8"],
            "8 is too small, the smallest size that fits is 12",
        ),
        (["run", "quick", "--epoch", "3"], "--epochs"),
        (["run", "quick", "--epochs", "three"], "'three' is not a valid integer"),
        (["run", "quick", "--epochs", "0"], "x>=1"),
        (["run", "quick", "--seed", "-1"], "0<=x<=4294967295"),
        (["run", "quick", "--name", "../x"], "leave out '/'"),
        (["run", "quick", "--runs-dir", "/proc/nowhere"], "cannot be made"),
        (["show", "it"], "no run under runs named 'it'"),
        (["models", "nothing"], "no model named 'nothing'"),
        (["new", "my-experiment"], "made of letters, digits and _, not 'my-experiment'"),
        (["tensorboard"], "no folder runs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_gets_one_sentence_and_leaves_nothing(here, arguments, words):
    before = sorted(here.rglob("*"))
    result = cnnkit(*arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output
    assert len(re.findall("Error: ", result.output)) == 1
    assert [path for path in sorted(here.rglob("*")) if path not in before] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "import keras\nimport nothing_of_the_kind\n",
            "line 2: there is no module 'nothing_of_the_kind'",
        ),
        ("x = 1 +\n", "line 1: SyntaxError"),
        (
            "def experiment(epochs: int):\n    pass\n",
            "'epochs' of the experiment 'bad' has no default",
        ),
        ("x = 1\n", "no function named 'experiment'"),
    ],
)
def test_an_experiment_file_that_fails_names_its_own_line(here, text, words):
    Path("experiments/bad.py").write_text(text)
    result = cnnkit("run", "bad")
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


def test_an_unexpected_error_is_a_sentence_and_debug_shows_the_way(here):
    text = FAST.replace("return Experiment", "1 / 0\n    return Experiment")
    Path("experiments/bad.py").write_text(text)
    result = cnnkit("run", "bad")
    assert result.exit_code == 1
    line = text.splitlines().index("    1 / 0") + 1
    assert "ZeroDivisionError: division by zero" in result.output
    assert f"bad.py, line {line}" in result.output
    assert "Traceback" not in result.output
    assert "Traceback" in cnnkit("run", "bad", "--debug").output


def test_a_loss_that_is_no_number_ends_with_status_one(here):
    result = cnnkit("run", "quick", "--learning-rate", "1e38", "--name", "it")
    assert result.exit_code == 1
    assert re.search(r"The loss became (nan|inf) in epoch 1, step \d; lower", result.output)
    assert json.loads(Path("runs/quick/it/status.json").read_text())["state"] == "failed"


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
    ids=["SIGINT", "SIGTERM"],
)
def test_a_signal_in_mid_epoch_saves_the_step_and_says_how_to_go_on(here, number, status):
    # The experiment itself says when it is in its second epoch, so that nobody has to wait.
    told = """
class Tell(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (1, 2):
            print("IN MID-EPOCH", flush=True)
"""
    text = FAST.replace("def experiment", f"{told}\ndef experiment").replace(
        "epochs=epochs,", "epochs=epochs, callbacks=(Tell(),),"
    )
    Path("experiments/slow.py").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-c", "from cnnkit.cli import main; main()", "run", "slow",
         "--epochs", "100000", "--name", "it"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    for line in process.stdout:
        if "IN MID-EPOCH" in line:
            process.send_signal(number)
            break
    _, errors = process.communicate(timeout=120)
    assert process.returncode == status
    assert f"Interrupted: stopped by {number.name}" in errors
    assert "Traceback" not in errors
    state = json.loads(Path("runs/slow/it/status.json").read_text())
    assert state["state"] == "interrupted"
    assert state["reason"] == f"stopped by {number.name}"
    assert state["epoch"] >= 1
    rows = Path("runs/slow/it/metrics.csv").read_text().splitlines()
    assert len(rows) == state["epoch"] + 1
    assert Path("runs/slow/it/model.keras").exists()
    assert "Go on with: cnnkit resume runs/slow/it" in errors
    checkpoint, _ = checkpoints.latest(Path("runs/slow/it/checkpoints"))
    assert checkpoint.epoch == state["epoch"]
