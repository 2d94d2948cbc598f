"""A run with layers of one's own, or a Lambda, is opened by another process: its source says how."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import cnnkit
from cnnkit.errors import RunFolderError

SOURCE = """
import keras
from cnnkit import Experiment, data


@keras.saving.register_keras_serializable("mine_{name}")
class Twice(keras.layers.Layer):
    def call(self, values):
        return 2 * values


class Thrice(keras.layers.Layer):
    def call(self, values):
        return 3 * values


def experiment():
    shapes = data.xo(train=8, validation=2, test=2, image_size=9)
    own = {layer}
    model = keras.Sequential(
        [keras.Input((9, 9, 1)), own, keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    return Experiment(data=shapes, model=model, optimizer="sgd", epochs=1)
"""
OWN = {
    "registered": ("Twice()", 2),
    "unregistered": ("Thrice()", 3),
    "lambda": ("keras.layers.Lambda(lambda values: 4 * values)", 4),
}
TRAIN = """
import sys
import cnnkit
from cnnkit.user_code.experiment_files import load
from pathlib import Path
for name in sys.argv[1:]:
    cnnkit.run(load(Path(f"{name}.py"), "experiment"), runs_dir="runs", name=name)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs that another process made."""
    folder = tmp_path_factory.mktemp("own")
    for name, (layer, _) in OWN.items():
        (folder / f"{name}.py").write_text(SOURCE.format(name=name, layer=layer))
    subprocess.run([sys.executable, "-W", "ignore", "-c", TRAIN, *OWN], cwd=folder, check=True)
    return folder


@pytest.mark.once
@pytest.mark.parametrize("name", OWN)
def test_the_runs_source_says_what_its_layers_are(folder, name):
    run = cnnkit.Run(next(folder.glob(f"runs/*/{name}")))
    images = np.random.default_rng(0).normal(size=(3, 9, 9, 1)).astype("float32")
    kernel, bias = run.model.get_weights()
    logits = OWN[name][1] * images.reshape(3, -1) @ kernel + bias
    expected = keras.ops.softmax(logits)
    np.testing.assert_allclose(run.model.predict(images, verbose=0), expected, rtol=1e-4)


def test_a_lambda_of_changed_source_is_not_executed(folder):
    run = cnnkit.Run(next(folder.glob("runs/*/lambda")))
    copy = run.folder / "experiment.py"
    unchanged = copy.read_bytes()
    copy.write_bytes(unchanged + b"\nraise SystemExit\n")
    with pytest.raises(RunFolderError, match=r"experiment.py has changed since it was written"):
        _ = run.model
    copy.write_bytes(unchanged)
    assert run.model.count_params() == 164
