"""oneDNN in the process of a command: each starts one, since TensorFlow reads the setting once."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cnnkit

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is chosen on x86 alone"
)
EXPERIMENT = """
import keras
from cnnkit import Experiment, data, models

def experiment(epochs: int = 2):
    \"\"\"X and O.\"\"\"
    shapes = data.xo(train=64, validation=16, test=16, image_size=12)
    network = models.convnet(shapes.image_shape, 2, widths=(8, 8), hidden_units=())
    return Experiment(
        data=shapes, model=network, optimizer=keras.optimizers.Adam(0.01), epochs=epochs,
        batch_size=16,
    )
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with an experiment's file, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    Path("it.py").write_text(EXPERIMENT)
    return tmp_path


def python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(*words, **environment):
    code = f"import sys; sys.argv = ['cnnkit', *{words!r}]; from cnnkit.cli import main; main()"
    return python(code, **environment)


def setting_after(begin, *words, **environment):
    code = (
        f"{begin}\nimport os\nfrom click.testing import CliRunner\nfrom cnnkit.cli import main\n"
        f"CliRunner().invoke(main, {words!r})\nprint(os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"
    )
    return python(code, **environment).split()[-1]


def test_is_on_unless_the_user_or_an_imported_tensorflow_has_chosen(folder):
    assert setting_after("", "runs") == "1"
    assert setting_after("", "runs", TF_ENABLE_ONEDNN_OPTS="0") == "0"
    imported = "import sys, types; sys.modules['tensorflow'] = types.ModuleType('tensorflow')"
    assert setting_after(imported, "runs") == "None"


def test_a_run_that_is_resumed_keeps_its_setting(folder):
    for name, threads in (("with", {"TF_ENABLE_ONEDNN_OPTS": "1"}), ("without", {})):
        run = cnnkit.runs.Run.create("runs", "it", name)
        run.write_json("experiment.json", {"experiment": "classify"})
        run.write_json("environment.json", {"threads": threads})
    assert setting_after("", "resume", "with") == "1"
    assert setting_after("", "resume", "without") == "None"
    assert setting_after("", "resume", "with", TF_ENABLE_ONEDNN_OPTS="0") == "0"


def test_with_it_the_same_seed_gives_the_same_bits_and_learns_what_it_learns_without(folder):
    for name, setting in (("first", {}), ("second", {}), ("off", {"TF_ENABLE_ONEDNN_OPTS": "0"})):
        command("run", "it.py", "--name", name, **setting)
    first, second, off = (Path("runs/it", name) for name in ("first", "second", "off"))
    said = [json.loads((run / "environment.json").read_text())["threads"] for run in (first, off)]
    assert [threads["TF_ENABLE_ONEDNN_OPTS"] for threads in said] == ["1", "0"]
    assert (first / "metrics.csv").read_bytes() == (second / "metrics.csv").read_bytes()
    ours, again, theirs = (cnnkit.runs.Run(run).model.get_weights() for run in (first, second, off))
    for one, same, other in zip(ours, again, theirs, strict=True):
        np.testing.assert_array_equal(one, same)
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
