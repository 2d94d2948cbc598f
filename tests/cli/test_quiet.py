"""What every door prints beside its own words: nothing, unless something went wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


def run_outside(folder, *arguments):
    """Run Python as a user does, who has not told TensorFlow to be quiet."""
    unset = {key: value for key, value in os.environ.items() if not key.startswith("TF_CPP")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True,
        env=unset | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


@pytest.mark.parametrize(
    "door",
    [
        pytest.param(["-m", "experiments.xo_convnet"], marks=pytest.mark.slow),
        ["-c", "from cnnkit.cli import main; main()", "run", "--dataset", "xo"],
    ],
    ids=str,
)
def test_a_run_prints_no_log_lines_of_tensorflow(tmp_path, door):
    done = run_outside(tmp_path, *door, "--epochs", "1")
    assert done.returncode == 0, done.stderr
    assert "Test accuracy" in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
def test_a_notebook_begins_without_log_lines_of_tensorflow(tmp_path):
    notebook = json.loads((ROOT / "notebooks/02_lenet5_on_digits.ipynb").read_text())
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    done = run_outside(tmp_path, "-c", "".join(cell["source"]) + "\nprint(keras.ops.ones(3).shape)")
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == ("(3,)\n", "")
