"""The index of runs, against reading every run."""

import json
import os
import shutil

import pytest

from cnnkit.runs import Run, index, list_runs
from cnnkit.runs.comparison import rows_of

pytestmark = pytest.mark.once


def finished(folder, name, accuracy=0.5, state="finished", day=1):
    run = Run.create(folder, "letters", name)
    run.write_json("experiment.json", {"settings": {"rate": 0.1}, "seed": 3, "epochs": 2})
    run.write_json("dataset.json", {"name": "letters"})
    run.write_json("environment.json", {"backend": "jax"})
    interval = [0.4, 0.6]
    test = {"samples": 4, "correct": 2, "accuracy": accuracy, "accuracy_interval": interval}
    run.write_json("results.json", {"test": test})
    (run.folder / "metrics.csv").write_text("epoch,loss,seconds\n1,0.5,2\n")
    run.write_status(state, epoch=1, started=f"2026-01-0{day}T00:00:00+00:00")
    return run


@pytest.fixture
def folder(tmp_path):
    for day, name in enumerate("cab", start=1):
        finished(tmp_path, name, day=day)
    return tmp_path


def as_dicts(rows):
    return [(row.as_dict(), dict(row.settings), dict(row.facts)) for row in rows]


def read(folder):
    return as_dicts(rows_of(list_runs(folder)))


def test_rows_of_the_index_are_those_of_the_runs(folder):
    assert as_dicts(index.indexed_rows(folder)) == read(folder)
    assert (folder / index.NAME).exists()
    assert as_dicts(index.indexed_rows(folder)) == read(folder)
    assert [row.run.name for row in index.indexed_rows(folder)] == ["c", "a", "b"]


def test_an_unchanged_run_is_not_read_again(folder, monkeypatch):
    index.indexed_rows(folder)
    monkeypatch.setattr(index, "rows_of", None)  # reading would fail
    assert len(index.indexed_rows(folder)) == 3


def test_a_changed_a_new_and_a_removed_run_are_seen(folder):
    index.indexed_rows(folder)
    run = Run(folder / "letters" / "a")
    results = run.results
    results["test"]["accuracy"] = 0.75
    run.write_json("results.json", results)
    shutil.rmtree(folder / "letters" / "b")
    finished(folder, "d", day=4)
    rows = index.indexed_rows(folder)
    assert as_dicts(rows) == read(folder)
    assert {row.run.name: row.test for row in rows} == {"c": 0.5, "a": 0.75, "d": 0.5}


def test_a_run_at_work_is_read_each_time(folder):
    run = finished(folder, "work", state="running", day=5)
    assert index.indexed_rows(folder)[-1].status == "running"
    status = json.loads((run.folder / "status.json").read_text())
    stat = os.stat(run.folder / "status.json")
    assert "letters/work" not in json.loads((folder / index.NAME).read_text())["runs"]
    (run.folder / "status.json").write_text(json.dumps(status | {"pid": 2**22 + 1}))
    os.utime(run.folder / "status.json", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert index.indexed_rows(folder)[-1].status == "failed"


def test_a_broken_run_is_read_each_time(folder):
    (folder / "letters" / "a" / "results.json").write_text("{")
    for _ in range(2):
        [broken] = [row for row in index.indexed_rows(folder) if not row.is_readable]
        assert "results.json cannot be read" in broken.status


@pytest.mark.parametrize(
    "content",
    [
        "", "[", "[]", '{"version": 1}', '{"version": 1, "runs": 3}', '{"version": 99, "runs": {}}',
        '{"version": 1, "runs": {"letters/a": {"row": 3, "signature": []}}}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_broken_index_is_made_again(folder, content):
    (folder / index.NAME).write_text(content[:200_000])
    assert as_dicts(index.indexed_rows(folder)) == read(folder)
    assert json.loads((folder / index.NAME).read_text())["version"] == index.VERSION


def test_an_entry_that_is_no_row_is_read_again(folder):
    index.indexed_rows(folder)
    content = json.loads((folder / index.NAME).read_text())
    content["runs"]["letters/a"]["row"]["test"] = "best"
    content["runs"]["letters/b"]["row"] = None
    (folder / index.NAME).write_text(json.dumps(content))
    assert as_dicts(index.indexed_rows(folder)) == read(folder)


def test_a_folder_that_cannot_be_written_is_read_all_the_same(folder, monkeypatch):
    def refuse(path, text):
        raise PermissionError(path)

    monkeypatch.setattr(index.atomic, "write_text", refuse)
    assert as_dicts(index.indexed_rows(folder)) == read(folder)
    assert not (folder / index.NAME).exists()
    assert index.indexed_rows(folder / "nowhere") == []
