"""A run's own experiment, built again from its folder: function, settings and their types."""

import json
import sys
from pathlib import Path

import keras
import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit.cli import main
from cnnkit.errors import SettingError
from cnnkit.experiment.built_in import built_in_experiment
from cnnkit.experiment.rebuild import experiment_of, recorded_function, recorded_settings
from cnnkit.user_code import experiment_files

pytestmark = pytest.mark.once

NAMED = """
from pathlib import Path
import keras
from cnnkit import Experiment, data, models

{helper}

def {function}(epochs: int = 1, sizes: tuple[int, ...] = (4,), where: Path | None = None):
    \"\"\"A small run on X and O.\"\"\"
    assert isinstance(sizes, tuple) and isinstance(where, Path)
    shapes = data.xo(train=32, validation=8, test=8, image_size=12)
    return Experiment(
        data=shapes, model=models.mlp(shapes.image_shape, 2, hidden_units=sizes),
        optimizer=keras.optimizers.SGD(0.1), epochs=epochs, batch_size=8,
    )
"""


def cnnkit_command(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, function="experiment", helper=""):
    path = Path(f"{name}.py")
    path.write_text(NAMED.format(function=function, helper=helper))
    return path


def trained(path, function="experiment", **settings):
    settings = {"where": Path("there"), "name": "it"} | settings
    return cnnkit.run(experiment_files.load(path, function), **settings)


def test_commands_see_the_samples_that_the_run_trained_on(here):
    options = ["--samples-per-class", 5, "--balance", "sampling", "--seed", 3, "--epochs", 1]
    done = cnnkit_command("run", "--dataset", "digits", "--model", "mlp", *options)
    assert done.exit_code == 0, done.output
    listed = cnnkit_command("mistakes", "latest")
    assert listed.exit_code == 0, listed.output
    run = cnnkit.runs.resolve("latest")
    assert experiment_of(run).data.content_hash == run.dataset["content_hash"]
    assert len(experiment_of(run).data.train) == 50


def test_a_run_of_a_function_of_any_name_is_explained(here):
    other = "def other():\n    raise RuntimeError('another function of the file')"
    run = trained(write("mine", "tiny", helper=other), "tiny", sizes=(6,))
    assert run.folder == Path("runs/tiny/it")
    for command in (["mistakes", "it"], ["features", "--run", "it", "--output", "it.npz"]):
        done = cnnkit_command(*command)
        assert done.exit_code == 0, done.output
    Path("mine.py").unlink()  # the run has a copy
    assert experiment_of(run).model.count_params() == 144 * 6 + 6 + 6 * 2 + 2


def test_a_helper_of_the_files_name_is_not_the_experiment(here):
    run = trained(write("strokes", helper="def strokes():\n    raise RuntimeError('the helper')"))
    assert recorded_function(run).__name__ == "experiment"
    assert experiment_of(run).data.name == "xo"


@pytest.mark.parametrize("name", ["classify", "built_in_experiment"])
@pytest.mark.parametrize("in_file", ["experiment", None])
def test_no_name_makes_an_experiment_the_built_in_one(here, name, in_file):
    run = trained(write(name, in_file or name), in_file or name)
    assert run.folder == Path("runs") / name / "it"
    assert recorded_function(run) is not built_in_experiment
    assert experiment_of(run).data.name == "xo"


def test_settings_come_back_with_their_types(here):
    settings = {"sizes": (6,), "where": Path("there")}
    run = trained(write("typed"), **settings)
    assert recorded_settings(run) == settings | {"epochs": 1}
    assert json.loads((run.folder / "experiment.json").read_text())["settings"]["sizes"] == [6]
    options = {"image_size": 12, "train": 32, "validation": 8, "test": 8}
    nested = {"hidden_units": (4, 4)}
    run = cnnkit.run(
        built_in_experiment, dataset="xo", dataset_options=options, model="mlp",
        model_options=nested, epochs=1, name="built",
    )  # fmt: skip
    assert recorded_function(run) is built_in_experiment
    assert recorded_settings(run)["model_options"] == nested


def test_what_was_drawn_at_random_is_drawn_again(here):
    text = NAMED.format(function="experiment", helper="import numpy as np")
    drawn = "train=int(np.random.randint(20, 200))"
    Path("drawn.py").write_text(text.replace("train=32", drawn))
    run = trained(Path("drawn.py"), seed=5)
    assert experiment_of(run).data.content_hash == run.dataset["content_hash"]


@pytest.mark.parametrize("name", ["statistics", "wave"])
def test_an_experiment_hides_no_module_of_python(here, monkeypatch, name):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    experiment_files.load(write(name))
    module = __import__(name)
    assert Path(module.__file__).parent != here
    monkeypatch.delitem(sys.modules, name)


def test_two_files_of_one_name_keep_their_own_source(here):
    Path("other").mkdir()
    one = experiment_files.load(write("twin", "first"), "first")
    two = experiment_files.load(write("other/twin", "second"), "second")
    assert sys.modules[one.__module__].first is one
    assert sys.modules[two.__module__].second is two


def test_a_file_that_fails_leaves_no_module_behind(here):
    Path("fails.py").write_text("1 / 0\n")
    before = set(sys.modules)
    with pytest.raises(SettingError, match="ZeroDivisionError"):
        experiment_files.load(Path("fails.py"))
    assert not {name for name in set(sys.modules) - before if "fails" in name}


def test_a_file_that_is_no_python_is_refused(here):
    Path("notes.txt").write_text("x = 1")
    with pytest.raises(SettingError, match="notes.txt is no Python file"):
        experiment_files.load(Path("notes.txt"))


def test_layers_of_an_experiments_file_do_not_count_as_a_change(here):
    text = NAMED.format(
        function="experiment",
        helper="class Own(keras.layers.Dense):\n    pass\n"
        "class Fall(keras.callbacks.Callback):\n"
        "    def on_train_batch_end(self, batch, logs=None):\n"
        "        if batch == 2 and not Path('fallen').exists():\n"
        "            Path('fallen').touch()\n"
        "            raise RuntimeError('the roof fell in')\n",
    )
    text = text.replace(
        "models.mlp(shapes.image_shape, 2, hidden_units=sizes)",
        "keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Flatten(), Own(2)])",
    ).replace("batch_size=8,", "batch_size=8, callbacks=(Fall(),),")
    Path("layers.py").write_text(text)
    with pytest.raises(RuntimeError, match="the roof"):
        trained(Path("layers.py"), checkpoint_steps=1)
    Path("layers.py").unlink()
    keras.backend.clear_session()
    done = cnnkit_command("resume", "it")
    assert done.exit_code == 0, done.output
