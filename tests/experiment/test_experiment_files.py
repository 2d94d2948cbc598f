"""Experiment files are imported: which function they have, and what they may not do meanwhile."""

import inspect
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from project_files import cnnkit_command, written

from cnnkit.cli import main
from cnnkit.errors import SettingError
from cnnkit.experiment.signature import read_source
from cnnkit.user_code import experiment_files

pytestmark = pytest.mark.once


def test_a_file_with_several_functions_says_which_it_has(project):
    written("two.py", imports="def dogs():\n    pass")
    with pytest.raises(SettingError, match="no function named 'experiment'.* are dogs, cats"):
        experiment_files.load(Path("two.py"))


UNGUARDED = {
    "run": "run(cats)",
    "fit": "fit(None)",
    "resume": "resume(cats, None)",
    "main": "main(cats)",
    "training.find_learning_rate": "training.find_learning_rate(cats())",
    "training.out_of_fold": "training.out_of_fold(cats, folds=2)",
}


@pytest.mark.parametrize("name", UNGUARDED)
def test_a_script_does_not_train_while_it_is_imported(project, name):
    path = written(imports=f"from cnnkit import {name.partition('.')[0]}")
    path.write_text(path.read_text() + f"\n{UNGUARDED[name]}\n")
    done = cnnkit_command("run", path)
    assert done.exit_code == 2
    words = " ".join(done.output.split())
    assert f"mine.py calls cnnkit.{name} while it is imported" in words
    assert 'below `if __name__ == "__main__":`' in words
    assert not Path("runs").exists()
    assert experiment_files.load(written())  # nothing is remembered of that import


def test_a_script_that_ends_python_says_so(project):
    path = written()
    path.write_text(path.read_text() + "\nraise SystemExit(0)\n")
    done = cnnkit_command("run", path)
    assert done.exit_code == 2
    assert "SystemExit" in done.output


def test_a_function_of_any_name_is_listed_and_completed_as_it_is_loaded(project):
    path = written("experiments/pets.py", setting=", pet_size: int = 8")
    settings = [*inspect.signature(experiment_files.load(path)).parameters]
    assert read_source(path) == ("Pictures, and a network of one layer.", settings)
    listed = cnnkit_command("experiments").output
    assert "epochs, pet_size" in listed
    assert "unreadable" not in listed
    shell = ShellComplete(main, {}, "cnnkit", "_CNNKIT_COMPLETE")
    for command in ("run", "lr-find"):
        offered = shell.get_completions([command, "pets"], "--pet")
        assert [item.value for item in offered] == ["--pet-size"]


def test_a_file_that_cannot_be_read_does_not_break_completion(project):
    written("experiments/two.py", imports="def dogs():\n    pass")
    shell = ShellComplete(main, {}, "cnnkit", "_CNNKIT_COMPLETE")
    for name in ("two", "none"):
        offered = shell.get_completions(["run", name], "--run")
        assert [item.value for item in offered] == ["--runs-dir"]
    with pytest.raises(SettingError, match="its functions are dogs, cats"):
        read_source(Path("experiments/two.py"))
