"""oneDNN in the process of a command: each starts one, since TensorFlow reads the setting once."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import cnnkit

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is chosen on x86 alone"
    ),
]
CHECKOUT = Path(__file__).parents[2]
TRAIN_TWICE = """
from click.testing import CliRunner
from cnnkit.cli import main
CliRunner().invoke(main, ["runs"])

import keras
import numpy as np
from cnnkit import models
from cnnkit.training.environment import environment

random = np.random.default_rng(0)
images, labels = random.random((96, 16, 16, 3), np.float32), random.integers(0, 3, 96)
for number in range(2):
    keras.utils.set_random_seed(0)
    model = models.convnet((16, 16, 3), 3, widths=(8, 16), hidden_units=())
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss)
    model.fit(images, labels, batch_size=32, epochs=2, verbose=0)
    np.savez(f"{name}{number}.npz", *model.get_weights())
print(environment(0)["threads"].get("TF_ENABLE_ONEDNN_OPTS"))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with nothing in it, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    return tmp_path


def python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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
        run.write_json("experiment.json", {"experiment": "of a file that is gone"})
        run.write_json("environment.json", {"threads": threads})
    assert setting_after("", "resume", "with") == "1"
    assert setting_after("", "resume", "without") == "None"
    assert setting_after("", "resume", "with", TF_ENABLE_ONEDNN_OPTS="0") == "0"


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="it is TensorFlow's")
def test_with_it_the_same_seed_gives_the_same_bits_and_learns_what_it_learns_without(folder):
    assert python("name = 'on'\n" + TRAIN_TWICE).strip() == "1"
    assert python("name = 'off'\n" + TRAIN_TWICE, TF_ENABLE_ONEDNN_OPTS="0").strip() == "0"
    weights = [np.load(f"{name}.npz") for name in ("on0", "on1", "off0")]
    for name in weights[0]:
        one, same, other = (found[name] for found in weights)
        np.testing.assert_array_equal(one, same)
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    assert any((weights[0][name] != weights[2][name]).any() for name in weights[0])  # another order


def test_an_experiment_run_by_python_has_it_as_one_run_by_the_command(folder):
    code = "import os\nimport experiments\nprint(os.environ.get('TF_ENABLE_ONEDNN_OPTS'))"
    assert python(code, PYTHONPATH=str(CHECKOUT)).strip() == "1"
