"""Commands that are printed can be pasted into a shell, whatever blanks and quotes are in a path."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from cnnkit.cli import main
from cnnkit.runs import Run
from cnnkit.training.outcome import outcome_recorded

pytestmark = pytest.mark.once

FOLDER = "her runs' $HOME"


def printed(output, start):
    """The arguments that a shell would make of the printed command that begins so."""
    line = next(line for line in output.splitlines() if start in line)
    return shlex.split(line[line.index(start) :])


def test_a_run_prints_where_it_is_watched(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [
        f"--dataset-option={each}"
        for each in ("train=16", "validation=8", "test=8", "image_size=9")
    ]
    arguments = ["run", "--dataset", "xo", "--model", "mlp", "--epochs", "1", "--runs-dir", FOLDER]
    done = CliRunner().invoke(main, [*arguments, *options])
    assert done.exit_code == 0, done.output
    command = printed(done.output, "cnnkit tensorboard")
    assert Path(command[command.index("--runs-dir") + 1]) == Path(FOLDER)
    (page,) = printed(done.output, "open")[1:]
    report = Path(page).read_text()
    assert "cnnkit show &#x27;" in report or "cnnkit show &#39;" in report


def test_an_interrupted_run_prints_how_to_go_on(tmp_path):
    run = Run.create(tmp_path / FOLDER, "digits", "one")
    run.write_json("experiment.json", {"source": {"importable": True}})
    with pytest.raises(KeyboardInterrupt) as caught, outcome_recorded(run):
        raise KeyboardInterrupt
    note = caught.value.__notes__[0]
    assert printed(note, "cnnkit resume") == ["cnnkit", "resume", str(run.folder)]
