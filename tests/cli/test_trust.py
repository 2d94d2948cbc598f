"""--trust for a teacher: its model may have changed, or bring code, only where the user says so."""

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit import runs
from cnnkit.cli import main
from cnnkit.errors import RunFolderError
from cnnkit.experiment import built_in_experiment

pytestmark = pytest.mark.once

OPTIONS = {"train": 32, "validation": 8, "test": 8, "image_size": 9}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    """A run whose model somebody has replaced by one with a Lambda."""
    run = cnnkit.run(
        built_in_experiment, dataset="xo", dataset_options=OPTIONS, model="mlp", epochs=1,
        runs_dir=tmp_path_factory.mktemp("runs"), name="teacher",
    )  # fmt: skip
    inner = keras.Sequential(
        [
            keras.Input((9, 9, 1)),
            keras.layers.Lambda(lambda pixels: 2 * pixels),
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="logits"),
        ]
    )
    raw = keras.Input((9, 9, 1))
    logits = inner(raw * 1)
    keras.Model(raw, keras.layers.Softmax()(logits)).save(run.folder / "model.keras")
    return run


def command(*arguments):
    options = [f"--dataset-option={name}={value}" for name, value in OPTIONS.items()]
    result = CliRunner().invoke(main, [*map(str, arguments), *options])
    return result.exit_code, " ".join(result.output.split())


def test_a_changed_teacher_teaches_only_on_trust(teacher, tmp_path):
    learn = [
        "run", "--dataset", "xo", "--model", "mlp", "--epochs", "1", "--runs-dir", tmp_path,
        "--teacher", teacher.folder,
    ]  # fmt: skip
    status, said = command(*learn, "--name", "refused")
    assert status == 2
    assert "model.keras has changed since the run wrote it" in said
    assert "--trust" in said
    status, said = command(*learn, "--name", "student", "--trust")
    assert status == 0, said
    student = cnnkit.Run(next(tmp_path.glob("*/student")))
    assert student.experiment["distillation"]["teacher"]
    assert "trust" not in student.experiment["settings"]  # a recipe cannot ask for it


def test_a_block_of_python_trusts_the_runs_that_are_opened_in_it(teacher):
    assert not cnnkit.Run(teacher.folder).trust
    with runs.trusting():
        trusted = cnnkit.Run(teacher.folder)
    with pytest.raises(RunFolderError, match="has changed"):
        _ = cnnkit.Run(teacher.folder).model
    pixels = np.random.default_rng(0).random((2, 9, 9, 1), "float32")
    kernel, bias = trusted.model.get_weights()
    expected = keras.ops.softmax(2 * pixels.reshape(2, -1) @ kernel + bias)
    np.testing.assert_allclose(trusted.model(pixels), expected, rtol=1e-5)
    with runs.trusting(), runs.trusting(False):
        assert not cnnkit.Run(teacher.folder).trust
