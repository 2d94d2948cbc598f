"""`cnnkit resume`, `--resume` and `cnnkit runs verify` as a user types them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnkit.cli import main

pytestmark = pytest.mark.once

TEXT = """
from pathlib import Path
import keras
from cnnkit import Experiment, data, models

class Fall(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2 and not Path("fallen").exists():
            Path("fallen").touch()
            raise RuntimeError("the roof fell in")

def experiment(epochs: int = 2, sizes: tuple[int, ...] = (4,), folder: Path = Path("x")):
    \"\"\"Falls once, in its first epoch.\"\"\"
    assert isinstance(sizes, tuple) and isinstance(folder, Path)
    shapes = data.xo(train=32, validation=8, test=8, image_size=12)
    return Experiment(
        data=shapes, model=models.mlp(shapes.image_shape, 2, hidden_units=sizes),
        optimizer=keras.optimizers.SGD(0.1), epochs=epochs, batch_size=8, callbacks=(Fall(),),
    )
"""


@pytest.fixture
def fallen(tmp_path, monkeypatch):
    """A folder to work in, with a run that stopped after its first checkpoint."""
    monkeypatch.chdir(tmp_path)
    Path("experiments").mkdir()
    Path("experiments/falls.py").write_text(TEXT)
    arguments = ["--epochs", 3, "--sizes", "6", "--checkpoint-steps", 1, "--name", "it"]
    assert cnnkit("run", "falls", *arguments).exit_code == 1
    return Path("runs/falls/it")


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_resumes_by_name_with_the_runs_own_settings(fallen):
    refused = cnnkit("run", "falls", "--resume", "it", "--epochs", 4)
    assert refused.exit_code == 2
    assert "settings.epochs  3     4" in refused.output
    assert "--allow-changes goes on" in refused.output
    named = cnnkit("run", "falls", "--resume", "it", "--name", "other")
    assert "keeps its name; leave --name out" in named.output
    done = cnnkit("resume", "latest")
    assert done.exit_code == 0, done.output
    assert "Test accuracy" in done.output
    status = json.loads((fallen / "status.json").read_text())
    assert status["state"] == "finished"
    assert status["resumed"] == [{"epoch": 0, "step": 2, "changes": []}]
    assert len((fallen / "metrics.csv").read_text().splitlines()) == 1 + 3
    again = cnnkit("resume", "it")
    assert again.exit_code == 2
    assert "is finished; there is nothing to resume" in again.output

    assert "1 run read: no damaged files" in cnnkit("runs", "verify", "it").output
    with open(fallen / "model.keras", "r+b") as file:
        file.seek(100)
        file.write(b"?")
    damaged = cnnkit("runs", "verify")
    assert damaged.exit_code == 1
    assert "runs/falls/it/model.keras has changed since it was written" in damaged.output


def test_a_file_that_has_changed_or_is_gone_does_not_matter(fallen):
    Path("experiments/falls.py").unlink()
    done = cnnkit("resume", "it", "--debug")
    assert done.exit_code == 0, done.output
    assert json.loads((fallen / "experiment.json").read_text())["settings"]["sizes"] == [6]


def test_or_resume_makes_one_command_of_the_start_and_of_each_restart(fallen):
    command = ["run", "falls", "--epochs", 3, "--sizes", "6", "--name", "it", "--or-resume"]
    resumed = cnnkit(*command)
    assert resumed.exit_code == 0, resumed.output
    assert resumed.output.startswith("Going on with runs/falls/it")
    again = cnnkit(*command)
    assert (again.exit_code, again.output) == (0, "runs/falls/it is finished.\n")
    begun = cnnkit("run", "falls", "--epochs", 1, "--name", "new", "--or-resume")
    assert begun.output.startswith("Starting falls")
    assert json.loads(Path("runs/falls/new/status.json").read_text())["state"] == "finished"


def test_or_resume_needs_the_runs_name(fallen):
    done = cnnkit("run", "falls", "--or-resume")
    assert done.exit_code == 2
    assert done.output.endswith("--or-resume goes on with a run by its name: give --name, too.\n")
