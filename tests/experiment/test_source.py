"""Runs of functions that no file gives again, and run folders whose code was changed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import cnnkit
from cnnkit.cli import main
from cnnkit.errors import RunFolderError, SettingError
from cnnkit.experiment.rebuild import dataset_of, experiment_of
from cnnkit.user_code import experiment_files

pytestmark = pytest.mark.once

CODE = """
import keras, sys
from cnnkit import Experiment, data, models, resume, run, Run
size = 9
def cats(epochs: int = 1):
    xo = data.xo(train=16, validation=8, test=8, image_size=size)
    return Experiment(
        data=xo, model=models.mlp((9, 9, 1), 2, hidden_units=()), optimizer="sgd", epochs=epochs
    )

"""


def cnnkit_command(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(params=["cell", "-", pytest.param("-c", marks=pytest.mark.slow)])
def typed(request, tmp_path, monkeypatch):
    """A run of a function that was typed: in a notebook's cell, or into Python."""
    monkeypatch.chdir(tmp_path)
    if request.param == "cell":
        shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
        for cell in (*CODE.split("size = 9", 1), "made = run(cats, name='it')"):
            assert shell.run_cell(cell.replace("\ndef", "size = 9\ndef", 1)).success
        shell.history_manager.end_session()
    else:
        code = f"{CODE}\nrun(cats, name='it')\n"
        repository = str(Path(cnnkit.__file__).parents[1])
        monkeypatch.setenv("PYTHONPATH", repository)
        words, piped = (["-"], code) if request.param == "-" else (["-c", code], "")
        subprocess.run(
            [sys.executable, *words], input=piped, text=True, check=True, capture_output=True
        )
    return cnnkit.Run(tmp_path / "runs/cats/it")


def test_what_needs_no_source_works_and_what_does_says_where_it_goes_on(typed):
    assert typed.status["state"] == "finished"
    assert not typed.experiment["source"]["importable"]
    assert dataset_of(typed).content_hash == typed.dataset["content_hash"]
    Image.fromarray(np.eye(9, dtype=np.uint8) * 255).save("drawn.png")
    for command in (["mistakes", "it"], ["explain", "walkthrough", "it", "drawn.png"]):
        done = cnnkit_command(*command)
        assert "cnnkit.resume" not in done.output, done.output
    refused = cnnkit_command("resume", "it")
    assert refused.exit_code == 2
    assert f"cnnkit.resume(cats, cnnkit.Run('{typed.folder.relative_to(Path.cwd())}'))" in " ".join(
        refused.output.split()
    )
    shown = cnnkit_command("show", "it")
    assert "where cats is defined: cnnkit.resume(cats, run)" in shown.output
    text = (typed.folder / "experiment.py").read_text()
    assert text.startswith("# cats was defined in a notebook's cell or at a prompt")
    assert "cnnkit.resume(cats, run)" in text


def test_a_function_inside_a_function_is_not_called_by_its_name(tmp_path):
    def cats(epochs: int = 1):
        options = {"train": 16, "validation": 8, "test": 8, "image_size": 9}
        xo = cnnkit.data.xo(**options)
        return cnnkit.Experiment(
            data=xo, model=cnnkit.models.mlp((9, 9, 1), 2), optimizer="sgd", epochs=epochs
        )

    run = cnnkit.run(cats, runs_dir=tmp_path)
    assert dataset_of(run).content_hash == run.dataset["content_hash"]
    with pytest.raises(SettingError, match="cnnkit.resume\\(cats, "):
        experiment_of(run)


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """A run whose experiment.py was changed: executed, it writes a file."""
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(CODE)
    run = cnnkit.run(experiment_files.load(Path("mine.py"), "cats"), name="it")
    with open(run.folder / "experiment.py", "a") as file:
        file.write("open('executed', 'w').close()\n")
    return run


@pytest.mark.parametrize("sums", [True, False])
def test_changed_code_of_a_run_is_executed_only_on_trust(changed, sums):
    if not sums:  # as of a run that was killed
        (changed.folder / "SHA256SUMS").unlink()
    robustness = ["explain", "robustness", "it", "--samples", 4, "--change", "noise"]
    for command in (["mistakes", "it"], ["features", "--run", "it"], robustness, ["resume", "it"]):
        refused = cnnkit_command(*command)
        assert refused.exit_code == 2
        assert "experiment.py has changed" in refused.output
        assert "--trust" in refused.output
    assert not Path("executed").exists()
    trusted = cnnkit_command("mistakes", "it", "--trust")
    assert trusted.exit_code == 0, trusted.output
    assert Path("executed").exists()


def test_a_changed_recipe_is_executed_only_on_trust(changed):
    recipe = changed.folder / "experiment.json"
    recipe.write_text(recipe.read_text().replace('"function": "cats"', '"function": "dogs"'))
    (changed.folder / "experiment.py").write_text(CODE)
    with pytest.raises(RunFolderError, match="experiment.json has changed"):
        experiment_of(changed)
    with pytest.raises(SettingError, match="no function named 'dogs'"):
        experiment_of(cnnkit.Run(changed.folder, trust=True))
