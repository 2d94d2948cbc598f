"""Experiment files are imported: which function they have, and what they may not do meanwhile."""

from pathlib import Path

import pytest
from project_files import cnnkit_command, written

from cnnkit.errors import SettingError
from cnnkit.experiment import experiment_files

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
}


@pytest.mark.parametrize("name", UNGUARDED)
def test_a_script_does_not_train_while_it_is_imported(project, name):
    path = written(imports=f"from cnnkit import {name}")
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
