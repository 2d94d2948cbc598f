"""`cnnkit reproduce`: from the folder alone, with a verdict that others can check."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import cnnkit
from cnnkit.cli import main
from cnnkit.runs import Run, list_runs

pytestmark = pytest.mark.once

FILE = """
import keras
from cnnkit import Experiment, data, models

def experiment(folder: str = "photos", epochs: int = 1):
    \"\"\"Two classes of small pictures.\"\"\"
    photos = data.load(folder, image_size=8)
    network = keras.Sequential(
        [keras.Input(photos.image_shape), keras.layers.Flatten(), keras.layers.Dropout(0.2), keras.layers.Dense(2)]
    )
    return Experiment(data=photos, model=network, optimizer="adam", epochs=epochs, batch_size=4)
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A run, whose experiment file is gone."""
    folder = tmp_path_factory.mktemp("project")
    random = np.random.default_rng(0)
    for number in range(40):
        file = folder / f"photos/{'xo'[number % 2]}/{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file)
    (folder / "mine.py").write_text(FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = CliRunner().invoke(main, ["run", "./mine.py", "--epochs", "2", "--name", "first"])
        assert done.exit_code == 0, done.output
    (folder / "mine.py").unlink()
    return Run(folder / "runs" / "mine" / "first")


@pytest.fixture
def copy(original, tmp_path, monkeypatch):
    """A copy of the run to change, in another working folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(original.folder, tmp_path / "runs" / "mine" / "first")
    return Run(tmp_path / "runs" / "mine" / "first")


def reproduce(*words):
    return CliRunner().invoke(main, ["reproduce", *map(str, words)])


def test_a_run_is_reproduced_to_the_bit_in_another_folder(original, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = reproduce(original.folder, "--runs-dir", tmp_path / "new")
    assert done.exit_code == 0, done.output
    assert "Recipe, data, versions and machine are those of the run." in done.output
    assert "bit-identical" in done.output
    [new] = list_runs(tmp_path / "new")
    models = [keras.models.load_model(run.folder / "model.keras") for run in (original, new)]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)
    histories = []
    for run in (original, new):
        with open(run.folder / "metrics.csv") as file:
            rows = csv.DictReader(file)
            histories.append([{k: v for k, v in row.items() if k != "seconds"} for row in rows])
    assert histories[0] == histories[1]
    assert new.experiment["command"] == original.experiment["command"]


def change_json(run, name, change):
    path = run.folder / name
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_numbers_that_differ_little_are_the_same_within_that(copy):
    rows = (copy.folder / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("val_loss")
    values = rows[2].split(",")
    values[column] = repr(float(values[column]) + 1e-4)
    (copy.folder / "metrics.csv").write_text("\n".join([*rows[:2], ",".join(values)]) + "\n")
    done = reproduce("first", "--name", "again")
    assert "same within 1.0e-04, most in val_loss of epoch 2" in done.output
    assert done.exit_code == 0
    stricter = cnnkit.reproduce(copy, within=1e-5)
    assert stricter.verdict == "different"
    assert stricter.distance == pytest.approx(1e-4, rel=1e-3)


def test_other_data_are_named_and_end_as_different(copy, original):
    change_json(copy, "dataset.json", lambda content: content.update(content_hash="0" * 64))
    change_json(copy, "environment.json", lambda content: content["versions"].update(keras="3.1.0"))
    change_json(copy, "results.json", lambda content: content["test"].update(loss=123.0))
    done = reproduce("first")
    assert done.exit_code == 1
    assert "the data's content" in done.output
    assert "version of keras" in done.output
    assert "3.1.0" in done.output
    assert "different, by up to" in done.output
    assert "most in test loss" in done.output


def test_an_unfinished_run_is_refused(copy):
    change_json(copy, "status.json", lambda content: content.update(state="interrupted"))
    done = reproduce("first")
    assert done.exit_code == 2
    assert "is interrupted, and only a finished run" in done.output


def test_changed_source_is_executed_on_trust_only(copy):
    path = copy.folder / "experiment.py"
    path.write_text(path.read_text() + "\n# changed\n")
    done = reproduce("first")
    assert done.exit_code == 2
    assert "has changed since it was written" in done.output
    assert len(list_runs("runs")) == 1
    assert reproduce("first", "--trust").exit_code == 0


def test_a_run_of_fit_has_no_experiment_to_reproduce(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run.create("runs", "little", "one")
    run.write_json("experiment.json", {"made_by": "cnnkit.fit"})
    run.write_json("environment.json", {})
    run.write_status("finished")
    done = reproduce("one")
    assert done.exit_code == 2
    assert "is a run of cnnkit.fit, which has no experiment" in done.output
