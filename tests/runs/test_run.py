import json
import os
import subprocess
import sys

import pytest

from cnnkit.errors import RunFolderError, UnknownNameError
from cnnkit.runs import Run, list_runs, resolve

pytestmark = pytest.mark.once


@pytest.fixture
def runs_dir(tmp_path):
    return tmp_path / "runs"


def made(runs_dir, name, started, experiment="digits"):
    run = Run.create(runs_dir, experiment, name)
    run.write_status("finished", started=started, epoch=1)
    return run


def test_a_run_has_a_folder_of_its_own(runs_dir):
    first, second = (Run.create(runs_dir, "digits") for _ in range(2))
    assert first.folder != second.folder
    assert first.folder.parent == runs_dir / "digits"
    assert sorted(os.listdir(first.folder)) == ["checkpoints", "tensorboard"]


def test_a_taken_name_is_refused(runs_dir):
    Run.create(runs_dir, "digits", "baseline")
    with pytest.raises(RunFolderError, match="a run named 'baseline'"):
        Run.create(runs_dir, "digits", "baseline")


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "/tmp/x", "..", ".", ".hidden", "a\0b", 3])
def test_a_name_cannot_lead_out_of_the_folder(runs_dir, name):
    with pytest.raises(RunFolderError, match="leave out '/'"):
        Run.create(runs_dir, "digits", name)
    assert not runs_dir.exists()


def test_a_runs_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunFolderError, match="cannot be made .*--runs-dir"):
        Run.create(tmp_path / "runs", "digits")


def test_status_keeps_what_it_is_not_told_again(runs_dir):
    run = Run.create(runs_dir, "digits")
    run.write_status("running", epoch=3)
    started = run.status["started"]
    run.write_status("failed", reason="the loss became nan")
    assert run.status["epoch"] == 3
    assert run.status["started"] == started
    assert run.status["reason"] == "the loss became nan"


def test_a_running_run_whose_process_is_gone_reads_as_failed(runs_dir):
    run = Run.create(runs_dir, "digits")
    run.write_status("running")
    assert run.status["state"] == "running"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    run.write_json("status.json", run.status | {"pid": gone.pid})
    assert run.status["state"] == "failed"
    assert "gone" in run.status["reason"]


def test_history_reads_like_keras(runs_dir):
    run = Run.create(runs_dir, "digits")
    assert run.history == {}
    (run.folder / "metrics.csv").write_text("epoch,loss\n1,0.5\n2,0.25\n")
    assert run.history == {"epoch": [1, 2], "loss": [0.5, 0.25]}


@pytest.mark.parametrize("content", ["epoch,loss\n1,much\n", "epoch,loss\n1\n"])
def test_a_broken_history_is_named(runs_dir, content):
    run = Run.create(runs_dir, "digits")
    (run.folder / "metrics.csv").write_text(content)
    with pytest.raises(RunFolderError, match=r"metrics\.csv cannot be read"):
        run.history  # noqa: B018


@pytest.mark.parametrize("content", ["", "{", "[1]", "\xff"])
def test_a_broken_file_is_named(runs_dir, content):
    run = Run.create(runs_dir, "digits")
    (run.folder / "status.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(RunFolderError, match=r"status\.json cannot be read"):
        run.status  # noqa: B018


def test_finds_all_runs_oldest_first_broken_ones_too(runs_dir):
    made(runs_dir, "late", "2026-02-01T00:00:00")
    made(runs_dir, "early", "2026-01-01T00:00:00", experiment="other")
    broken = Run.create(runs_dir, "digits", "broken")
    (broken.folder / "status.json").write_text("{")
    assert [run.name for run in list_runs(runs_dir)] == ["broken", "early", "late"]
    assert list_runs(runs_dir / "nowhere") == []


def test_a_run_is_named_by_folder_prefix_or_latest(runs_dir):
    early = made(runs_dir, "2026-01-01_abcd", "2026-01-01")
    late = made(runs_dir, "2026-02-01_efgh", "2026-02-01")
    for word, run in {
        "latest": late,
        "2026-01": early,
        "2026-02-01_efgh": late,
        "digits/2026-02": late,
        str(early.folder): early,
    }.items():
        assert resolve(word, runs_dir).folder == run.folder


def test_a_whole_name_wins_over_a_prefix(runs_dir):
    made(runs_dir, "base-2", "2026-01-01")
    base = made(runs_dir, "base", "2026-01-02")
    assert resolve("base", runs_dir).folder == base.folder


def test_a_prefix_of_several_names_them(runs_dir):
    made(runs_dir, "a1", "2026-01-01")
    made(runs_dir, "a2", "2026-01-02")
    with pytest.raises(RunFolderError, match="names 2 runs: digits/a1, digits/a2"):
        resolve("a", runs_dir)


def test_an_unknown_run_gives_the_nearest(runs_dir):
    made(runs_dir, "baseline", "2026-01-01")
    with pytest.raises(UnknownNameError, match="did you mean 'baseline'"):
        resolve("basline", runs_dir)


def test_a_run_without_a_model_says_why(runs_dir):
    with pytest.raises(RunFolderError, match="no epoch was finished"):
        Run.create(runs_dir, "digits").model  # noqa: B018


def test_reading_numbers_imports_no_keras(runs_dir):
    run = made(runs_dir, "one", "2026-01-01")
    code = (
        "import sys; from cnnkit.runs import list_runs, resolve; "
        f"print(resolve('one', {str(runs_dir)!r}).status['state'], "
        "sorted({'keras', 'tensorflow', 'jax', 'matplotlib'} & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.split(maxsplit=1) == ["finished", "[]\n"]
    assert json.loads((run.folder / "status.json").read_text())["epoch"] == 1
