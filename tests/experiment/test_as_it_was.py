"""A run's experiment is called again as it was: its files, folders, paths and random numbers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from project_files import cnnkit_command, written

import cnnkit
from cnnkit.errors import SettingError
from cnnkit.experiment.rebuild import dataset_of, experiment_of, recorded_settings
from cnnkit.experiment.setting_types import restore, types_of
from cnnkit.user_code import experiment_files

pytestmark = pytest.mark.once

FOLDER = "data.folder({}, image_size=6, channels=1, validation=0.25, test=0.25)"
SHUFFLED = "_shuffled(data.xo(train=24, validation=8, test=8, image_size=9))"
SHUFFLE = """
import dataclasses
def _shuffled(data):
    order = {order}
    part = data.train
    train = type(part)(part.inputs[order], part.labels[order])
    return dataclasses.replace(data, train=train)
"""


def trained(path, **settings):
    run = cnnkit.run(experiment_files.load(path), name="it", **settings)
    return cnnkit.Run(run.folder.absolute())


def elsewhere(project, monkeypatch):
    """Go to another folder, in a process that has not imported the run's modules."""
    other = project.parent / "elsewhere"
    other.mkdir(exist_ok=True)
    monkeypatch.chdir(other)
    here = str(project)
    sys.path[:] = [entry for entry in sys.path if not entry.startswith(here)]
    for name in [
        n for n, m in sys.modules.items() if str(getattr(m, "__file__", "")).startswith(here)
    ]:
        del sys.modules[name]


def stopped(runs_dir, function, **settings):
    """A run that stops after its first epoch, and does not when it is resumed."""

    def stop(self, epoch, logs=None):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(keras.callbacks.History, "on_epoch_end", stop)
        cnnkit.run(function, name="it", runs_dir=runs_dir, checkpoint_steps=1, **settings)
    return cnnkit.runs.resolve("it", runs_dir)


@pytest.mark.parametrize("command", ["mistakes", "explain", "features", "resume"])
def test_every_command_calls_a_function_of_any_name(project, monkeypatch, command):
    run = trained(written("sub/pets.py"))
    elsewhere(project, monkeypatch)
    arguments = {
        "mistakes": [run.folder], "features": ["--run", run.folder, "--output", "x.npz"],
        "explain": ["robustness", run.folder, "--samples", 4], "resume": [run.folder, "--allow-changes"],
    }[command]  # fmt: skip
    done = cnnkit_command(command, *arguments)
    assert done.exit_code == 0, done.output
    assert run.folder.parent.name == "cats"


def test_modules_beside_the_file_are_imported_again(project, monkeypatch):
    Path("sub").mkdir()
    Path("sub/pens.py").write_text("SIZE = 24\n")
    size = "data.xo(train=pens.SIZE, validation=8, test=8, image_size=9)"
    run = trained(written("sub/mine.py", imports="import pens", data=size))
    Path("sub/mine.py").unlink()
    elsewhere(project, monkeypatch)
    assert len(experiment_of(run).data.train) == 24
    # A second experiment has a module of that name, too.
    other = project.parent / "other"
    other.mkdir()
    (other / "pens.py").write_text("SIZE = 16\n")
    source = run.experiment["source"] | {
        "import_path": [str(other)],
        "file": str(other / "mine.py"),
    }
    second = shutil.copytree(run.folder, project.parent / "second")
    (second / "experiment.json").write_text(json.dumps(run.experiment | {"source": source}))
    assert len(experiment_of(cnnkit.Run(second, trust=True)).data.train) == 16
    assert len(experiment_of(run).data.train) == 24


def test_modules_of_the_import_path_of_then_are_imported_again(project, monkeypatch):
    Path("library").mkdir()
    Path("library/inks.py").write_text("SIZE = 24\n")
    monkeypatch.syspath_prepend(project / "library")  # as PYTHONPATH has it
    size = "data.xo(train=inks.SIZE, validation=8, test=8, image_size=9)"
    run = trained(written(imports="import inks", data=size))
    elsewhere(project, monkeypatch)
    assert len(experiment_of(run).data.train) == 24


def test_a_module_that_a_moved_run_lacks_is_named_with_the_remedy(project, monkeypatch):
    Path("sub").mkdir()
    Path("sub/quills.py").write_text("SIZE = 24\n")
    size = "data.xo(train=quills.SIZE, validation=8, test=8, image_size=9)"
    run = trained(written("sub/mine.py", imports="import quills", data=size))
    Path("sub").rename("moved")
    elsewhere(project, monkeypatch)
    words = (
        f"experiment\\.py, line \\d+: there is no module 'quills', neither installed nor in {project}/sub: "
        "a run folder keeps a copy of that file alone, so install it, or set PYTHONPATH"
    )
    with pytest.raises(SettingError, match=words):
        experiment_of(run)
    monkeypatch.syspath_prepend(project / "moved")
    assert len(experiment_of(run).data.train) == 24


@pytest.mark.slow
def test_a_script_of_a_package_has_its_relative_imports(project, monkeypatch):
    Path("package").mkdir()
    Path("package/__init__.py").touch()
    Path("package/strokes.py").write_text("SIZE = 24\n")
    written(
        "package/script.py", imports="from .strokes import SIZE\nfrom cnnkit import run",
        data="data.xo(train=SIZE, validation=8, test=8, image_size=9)",
    )  # fmt: skip
    with open("package/script.py", "a") as file:
        file.write("\nif __name__ == '__main__':\n    run(cats, name='it')\n")
    repository = Path(cnnkit.__file__).parents[1]
    subprocess.run(
        [sys.executable, "-m", "package.script"], check=True, capture_output=True,
        env=os.environ | {"PYTHONPATH": str(repository)},
    )  # fmt: skip
    run = cnnkit.Run(project / "runs/cats/it")
    elsewhere(project, monkeypatch)
    assert len(experiment_of(run).data.train) == 24


@pytest.mark.parametrize("place", ["Path(__file__).parent / 'photos'", "'photos'"])
def test_data_beside_the_file_or_in_the_working_folder_are_read_again(project, monkeypatch, place):
    run = trained(written(data=FOLDER.format(place)))
    content = experiment_of(run).data.test.inputs[:]
    Path("mine.py").unlink()
    elsewhere(project, monkeypatch)
    data = dataset_of(run)
    assert data.content_hash == run.dataset["content_hash"]
    monkeypatch.setenv("CNNKIT_CACHE", str(project / "empty"))
    data.test.inputs.store = None  # read the files themselves
    np.testing.assert_array_equal(data.test.inputs[:], content)
    assert not list(run.folder.rglob("*.pyc"))


def test_a_relative_data_set_of_the_built_in_experiment_is_read_from_anywhere(project, monkeypatch):
    options = ["image_size=6", "channels=1", "validation=0.25", "test=0.25"]
    chosen = [word for option in options for word in ("--dataset-option", option)]
    done = cnnkit_command(
        "run", "--dataset", "photos", *chosen, "--model", "mlp", "--epochs", 1, "--name", "it"
    )
    assert done.exit_code == 0, done.output
    run = cnnkit.Run(project / "runs/photos-mlp/it")
    elsewhere(project, monkeypatch)
    for command in (["mistakes", run.folder], ["features", "--run", run.folder]):
        done = cnnkit_command(*command)
        assert done.exit_code == 0, done.output
        assert Path.cwd().name == "elsewhere"


def test_settings_come_back_with_their_types(project, monkeypatch):
    setting = ", root: Path = Path('photos'), sizes: tuple[int, ...] = (6, 6), weights: dict = {}"
    data = "data.folder(root, image_size=sizes, channels=1, validation=0.25, test=0.25)"
    given = {"root": Path("photos"), "sizes": (6, 6), "weights": {0: 1.0, 1: (2.0, float("inf"))}}
    run = trained(written(data=data, setting=setting), **given)
    assert recorded_settings(run) == given | {"epochs": 1}
    elsewhere(project, monkeypatch)
    assert dataset_of(run).content_hash == run.dataset["content_hash"]


def test_types_survive_json():
    settings = {"a": {"b/c": (Path("x"), [(1,)]), "d": {1: {2: float("-inf")}}}, "e": ()}
    written = json.loads(json.dumps(cnnkit.atomic.as_read(settings)))
    assert restore(written, types_of(settings)) == settings


@pytest.mark.parametrize(
    "order",
    [
        pytest.param("np.random.permutation(len(data.train))", marks=pytest.mark.slow),
        pytest.param(
            "random.sample(range(len(data.train)), len(data.train))", marks=pytest.mark.slow
        ),
        "np.asarray(keras.random.shuffle(np.arange(len(data.train))))",
    ],
)
def test_what_a_global_state_shuffles_is_shuffled_alike(project, order):
    run = trained(written(data=SHUFFLED, imports=SHUFFLE.format(order=order)), seed=3)
    keras.utils.set_random_seed(9)
    keras.random.uniform(())
    assert dataset_of(run).content_hash == run.dataset["content_hash"]


def test_the_same_data_elsewhere_are_no_change(project, monkeypatch):
    setting = ", root: Path = Path('photos')"
    path = written(data=FOLDER.format("root"), setting=setting)
    run = stopped("runs", experiment_files.load(path))
    Path("photos").rename("moved")
    refused = cnnkit_command("resume", "it")
    assert "There is no folder photos" in refused.output
    done = cnnkit_command("run", path, "--resume", "it", "--root", "moved")
    assert done.exit_code == 0, done.output
    assert run.status["resumed"][-1]["changes"] == []
    assert dataset_of(run).content_hash == run.dataset["content_hash"]  # it knows the new place


def test_other_data_are_a_change_and_so_is_another_setting(project, monkeypatch):
    setting = ", root: Path = Path('photos'), name_of_things: str = 'a'"
    path = written(data=FOLDER.format("root"), setting=setting)
    stopped("runs", experiment_files.load(path))
    shutil.copytree("photos", "others")
    next(Path("others/x").iterdir()).unlink()
    refused = cnnkit_command("run", path, "--resume", "it", "--root", "others")
    assert refused.exit_code == 2
    assert "the data's content" in refused.output
    refused = cnnkit_command("run", path, "--resume", "it", "--name-of-things", "b")
    assert "settings.name_of_things" in refused.output


def test_a_run_is_resumed_from_another_folder(project, monkeypatch):
    run = stopped("runs", experiment_files.load(written(data=FOLDER.format("'photos'"))))
    run = cnnkit.Run(run.folder.absolute())
    elsewhere(project, monkeypatch)
    done = cnnkit_command("resume", os.path.relpath(run.folder))
    assert done.exit_code == 0, done.output
    assert run.status["state"] == "finished"
    assert os.listdir() == []


def test_classes_of_a_script_are_the_same_when_it_is_imported(project, monkeypatch):
    own = "class Own(keras.layers.Flatten):\n    pass"
    path = written(imports=own)
    path.write_text(
        path.read_text().replace(
            "models.mlp(pictures.image_shape, 2, hidden_units=())",
            "keras.Sequential([keras.Input(pictures.image_shape), Own(), keras.layers.Dense(2)])",
        )
    )
    main_module = {"__name__": "__main__", "__file__": str(path.absolute())}
    monkeypatch.setitem(sys.modules, "__main__", type(sys)("__main__"))
    vars(sys.modules["__main__"]).update(main_module)
    exec(compile(path.read_text(), path, "exec"), vars(sys.modules["__main__"]))
    run = stopped("runs", sys.modules["__main__"].cats)
    assert run.experiment["source"]["module"] == "__main__"
    done = cnnkit_command("resume", "it")
    assert done.exit_code == 0, done.output
