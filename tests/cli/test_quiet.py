"""What every door prints beside its own words: nothing, unless something went wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "door",
    [
        pytest.param(["-m", "experiments.xo_convnet"], marks=pytest.mark.slow),
        ["-c", "from cnnkit.cli import main; main()", "run", "--dataset", "xo"],
    ],
    ids=str,
)
def test_a_run_prints_no_log_lines_of_tensorflow(tmp_path, door):
    quiet = {key: value for key, value in os.environ.items() if not key.startswith("TF_CPP")}
    done = subprocess.run(
        [sys.executable, *door, "--epochs", "1"], cwd=tmp_path, capture_output=True, text=True,
        env=quiet | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Test accuracy" in done.stdout
    assert done.stderr == ""
