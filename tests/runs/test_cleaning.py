"""`cnnkit runs clean`: what it lists, what it removes, and what it leaves alone."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from cnnkit.cli import main
from cnnkit.runs import Run
from cnnkit.runs.lock import locked

pytestmark = pytest.mark.once


def made(name, state, epochs=1, checkpoint=b"x" * 1000):
    run = Run.create("runs", "letters", name)
    run.write_json("experiment.json", {"settings": {}, "seed": 0})
    if epochs:
        (run.folder / "metrics.csv").write_text("epoch,loss,seconds\n" + "1,0.5,2\n" * epochs)
        (run.folder / "checkpoints" / "epoch-1").mkdir()
        (run.folder / "checkpoints" / "epoch-1" / "arrays.safetensors").write_bytes(checkpoint)
    (run.folder / "model.keras").write_bytes(b"model")
    run.write_status(state, epoch=epochs, started="2026-01-01T00:00:00")
    return run


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    states = {"done": "finished", "broke": "failed", "stopped": "interrupted", "busy": "running"}
    made_runs = {name: made(name, state) for name, state in states.items()}
    return made_runs | {"never": made("never", "failed", epochs=0)}


def clean(*words):
    return CliRunner().invoke(main, ["runs", "clean", *words])


def files_of(folder="runs"):
    return sorted(
        os.path.join(place, name) for place, _, names in os.walk(folder) for name in names
        if name not in (".lock", ".index.json")
    )  # fmt: skip


def test_a_dry_run_lists_and_removes_nothing(runs):
    before = files_of()
    output = clean().output
    assert "letters/done/checkpoints" in output
    assert "letters/never" in output
    assert "Nothing is removed; --yes does it." in output
    assert files_of() == before


def test_the_rules_as_they_are_said(runs):
    done = clean("--yes")
    assert done.exit_code == 0
    assert os.listdir(runs["done"].folder / "checkpoints") == [".lock"]
    assert (runs["done"].folder / "model.keras").read_bytes() == b"model"
    assert not runs["never"].folder.exists()
    for name in ("broke", "stopped", "busy"):
        assert (runs[name].folder / "checkpoints" / "epoch-1" / "arrays.safetensors").exists()
    assert "Nothing to remove" in clean("--yes").output


def test_the_sizes_are_those_of_the_files(runs):
    du = subprocess.run(
        ["du", "--apparent-size", "-b", "-s", "runs/letters/done/checkpoints/epoch-1"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    folder_itself = os.stat("runs/letters/done/checkpoints/epoch-1").st_size
    assert int(du.split()[0]) - folder_itself == 1000
    made("large", "finished", checkpoint=b"x" * 2_500_000)
    assert "2.5 MB" in clean("--where", "run=large").output


def test_unfinished_runs_go_if_that_is_asked_for(runs):
    clean("--unfinished", "--yes")
    assert sorted(os.listdir("runs/letters")) == ["busy", "done"]


def test_whole_runs_go_by_a_condition_only(runs):
    refused = clean("--whole", "--yes")
    assert refused.exit_code == 2
    assert "choose them with --where" in refused.output
    clean("--whole", "--where", "run=done or run=busy", "--yes")
    assert not runs["done"].folder.exists()
    assert runs["busy"].folder.exists()


def test_what_a_killed_process_left_is_removed(runs):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    part = runs["broke"].folder / f".model.{gone.pid}.part.keras"
    ours = runs["broke"].folder / f".report.{os.getpid()}.part.html"
    part.write_bytes(b"half")
    ours.write_bytes(b"half")
    assert part.name in clean().output
    clean("--yes")
    assert not part.exists()
    assert ours.exists()


def test_a_run_that_another_process_works_on_stays(runs):
    with locked(runs["done"].folder):
        done = clean("--yes")
    assert done.exit_code == 1
    assert "done/checkpoints stays: Another process works in" in done.output
    assert (runs["done"].folder / "checkpoints" / "epoch-1").exists()


def test_a_link_is_left_alone(runs, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    os.rename(runs["never"].folder, elsewhere)
    os.symlink(elsewhere, runs["never"].folder)
    done = clean("--yes")
    assert "is a link, which is left alone" in done.output
    assert (elsewhere / "status.json").exists()
