"""A run folder may come from anybody: whatever is broken in it, or hostile, stops no command."""

import hashlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from cnnkit.cli import main
from cnnkit.errors import RunFolderError
from cnnkit.evaluation import Evaluation
from cnnkit.runs import Run, checksums, list_runs, resolve, verify
from cnnkit.runs.lock import locked

pytestmark = pytest.mark.once

EVALUATION = Evaluation(np.array([0, 1]), np.eye(2), ("a", "b"))
RECORDS = {
    "experiment.json": {
        "experiment": "digits", "settings": {"width": 4}, "seed": 1,
        "model": {"name": "net", "parameters": 10, "layers": []},
    },
    "dataset.json": {"name": "digits", "samples": {"train": 2}, "class_names": ["a", "b"]},
    "environment.json": {"versions": {"python": "3"}, "precision": "float32"},
    "results.json": {"test": EVALUATION.as_results(), "timing": {"training_seconds": 1.0}},
    "phases.json": {"phases": [{"phase": "first", "first_epoch": 1}]},
}  # fmt: skip


def made(runs_dir, name, started="2026-01-01T00:00:00+00:00", width=4, **settings):
    run = Run.create(runs_dir, "digits", name)
    run.write_status("finished", started=started, epoch=1, saved_epoch=1)
    for filename, content in RECORDS.items():
        run.write_json(filename, content)
    recipe = RECORDS["experiment.json"]
    run.write_json("experiment.json", recipe | {"settings": {"width": width} | settings})
    (run.folder / "metrics.csv").write_text("epoch,loss,val_accuracy,seconds\n1,0.5,0.75,2.5\n")
    return run


def cnnkit(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def nested(levels):
    content = "0"
    for _ in range(levels):
        content = f"[{content}]"
    return content


WRONG = [
    "", "{", "[1]", "\0\1\2", "1", "null", '"text"', nested(200), nested(100_000), "9" * 5000,
    '{"state": [1]}',
]  # fmt: skip


@pytest.mark.parametrize("filename", ["status.json", *RECORDS, "metrics.csv"])
def test_a_broken_run_is_a_row_that_says_so(tmp_path, filename):
    made(tmp_path, "sound", "2025-01-01T00:00:00+00:00")
    path = made(tmp_path, "broken").folder / filename
    whole = path.read_bytes()
    contents = [text.encode() for text in WRONG] + [b"\xff\xfe", whole[: len(whole) // 2]]
    if filename == "metrics.csv":
        contents = [
            b"\xff\xfe",
            b"epoch,loss\n1\n",
            b"epoch,loss\n1,much\n",
            b"a\n" + b"1" * 200_000,
        ]
    for content in contents:
        path.write_bytes(content)
        if content == b'{"state": [1]}' and filename not in ("status.json", "phases.json"):
            continue
        result = cnnkit("runs", "--runs-dir", tmp_path)
        assert result.exit_code == 0, (content[:20], result.output)
        assert re.search(rf"broken .*unreadable: .*{re.escape(filename)}", result.output), content[
            :20
        ]
        assert re.search(r"sound .*finished .*75\.00% +100\.00% +2\.5", result.output)
        assert cnnkit("show", "sound", "--runs-dir", tmp_path).exit_code == 0
        shown = cnnkit("show", "broken", "--runs-dir", tmp_path)
        assert shown.exit_code in (0, 2)
        assert "unreadable" in repr(Run(path.parent)) or filename not in (
            "status.json",
            "results.json",
        )


@pytest.mark.parametrize(
    ("filename", "place", "value", "words"),
    [
        ("results.json", ("test", "accuracy"), "high", "test.accuracy is 'high', not a number from 0"),
        ("results.json", ("test", "accuracy"), 10**400, "test.accuracy is "),
        ("results.json", ("test", "accuracy_interval"), [1], "test.accuracy_interval is "),
        ("status.json", ("started",), "yesterday", "started is 'yesterday', not a time"),
        ("status.json", ("saved_epoch",), -1, "saved_epoch is -1, not a whole number"),
        ("status.json", ("pid",), 10**30, "pid is "),
        ("experiment.json", ("settings",), None, "settings is None, not an object"),
        ("experiment.json", ("model", "parameters"), True, "model.parameters is True"),
        ("dataset.json", ("samples", "train"), [], "samples.train is "),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(tmp_path, filename, place, value, words):
    run = made(tmp_path, "broken")
    content = json.loads((run.folder / filename).read_text())
    parent = content
    for name in place[:-1]:
        parent = parent[name]
    parent[place[-1]] = value
    (run.folder / filename).write_text(json.dumps(content))
    with pytest.raises(RunFolderError, match=re.escape(words)):
        run.read_json(filename)
    assert words[:12] in cnnkit("runs", "--runs-dir", tmp_path, "--json").output


@pytest.mark.parametrize("kind", ["pipe", "device", "outside", "folder"])
@pytest.mark.parametrize("filename", ["metrics.csv", "results.json", "status.json"])
def test_only_regular_files_inside_the_folder_are_opened(tmp_path, kind, filename):
    run = made(tmp_path / "runs", "odd")
    path = run.folder / filename
    outside = tmp_path / "secret"
    path.rename(outside)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero" if kind == "device" else outside)
    result = cnnkit("runs", "--runs-dir", tmp_path / "runs")
    assert f"{filename} cannot be read: not a regular file inside the run folder" in result.output


def test_verify_hashes_nothing_outside_of_the_run(tmp_path):
    run = made(tmp_path / "runs", "odd")
    (tmp_path / "secret").write_text("secret")
    digest = hashlib.sha256(b"secret").hexdigest()
    names = sorted(["../../../secret", "/dev/zero", str(tmp_path / "secret"), "pipe"])
    os.mkfifo(run.folder / "pipe")
    (run.folder / "SHA256SUMS").write_text("".join(f"{digest}  {name}\n" for name in names))
    refused = "cannot be read: not a regular file inside the run folder"
    assert verify(run) == dict.fromkeys(names, refused)


def test_what_is_half_written_is_neither_sealed_nor_left(tmp_path):
    run = made(tmp_path, "killed")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stale = run.folder / f".model.{gone.pid}.part.keras"
    alive = run.folder / f".model.{os.getpid()}.part.keras"
    stale.write_text("half")
    alive.write_text("half")
    assert not [name for name in checksums.names_below(run.folder) if "part" in name]
    with locked(run.folder):
        assert (stale.exists(), alive.exists()) == (False, True)


def test_a_run_killed_before_it_trained_frees_its_name(tmp_path):
    code = (
        "import os, signal; from cnnkit.runs import Run; "
        f"run = Run.create({str(tmp_path)!r}, 'digits', 'it'); run.write_status('running'); "
        "run.write_json('experiment.json', {}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    run = Run.create(tmp_path, "digits", "it")
    assert sorted(os.listdir(run.folder)) == ["checkpoints", "tensorboard"]
    assert os.listdir(tmp_path / "digits") == ["it"]


def test_a_run_that_trained_keeps_its_name_although_its_process_is_gone(tmp_path):
    run = made(tmp_path, "it")
    run.write_status("failed")
    with pytest.raises(RunFolderError, match="There is a run named 'it'"):
        Run.create(tmp_path, "digits", "it")


def test_latest_is_the_latest_in_every_time_zone(tmp_path):
    # One clock at the end of summer time in Berlin, and one in Tokyo.
    times = {
        "first": "2026-10-25T09:20:00+09:00", "second": "2026-10-25T02:30:00+02:00",
        "third": "2026-10-25T02:10:00+01:00",
    }  # fmt: skip
    for name, started in reversed(times.items()):
        made(tmp_path, name, started)
    assert [run.name for run in list_runs(tmp_path)] == list(times)
    assert resolve("latest", tmp_path).name == "third"
    run = Run.create(tmp_path, "digits", "now")
    run.write_status("running")
    assert run.status["started"].endswith("+00:00")


def test_a_table_of_runs_shows_what_differs_sorts_and_groups(tmp_path):
    for name, width, seed in (("a", 4, 1), ("b", 8, 1), ("c", 8, 2)):
        made(tmp_path, name, f"2026-01-0{ord(name) - 96}T00:00:00+00:00", width, depth=3, seed=seed)
    listed = cnnkit("runs", "--runs-dir", tmp_path, "--sort", "-width").output
    heading, *rows = [line.split() for line in listed.splitlines() if line.strip()]
    assert heading[-2:] == ["width", "seed"] or heading[-2:] == ["seed", "width"]
    assert [row[1] for row in rows[1:]] == ["b", "c", "a"]
    records = json.loads(cnnkit("runs", "--runs-dir", tmp_path, "--json").output)
    assert [record["width"] for record in records] == [4, 8, 8]
    assert (records[0]["test"], records[0]["seconds"]) == (1.0, 2.5)
    header, *lines = cnnkit("runs", "--runs-dir", tmp_path, "--csv").output.splitlines()
    assert {"experiment", "run", "test", "width", "depth"} <= set(header.split(","))
    assert len(lines) == 3
    groups = json.loads(
        cnnkit("runs", "--runs-dir", tmp_path, "--group-by", "width", "--json").output
    )
    assert [(group["width"], group["runs"]) for group in groups] == [(4, 1), (8, 2)]
    assert (groups[0]["test_std"], groups[1]["test_std"]) == (None, 0)
    unknown = cnnkit("runs", "--runs-dir", tmp_path, "--sort", "widht")
    assert unknown.exit_code == 2
    assert "did you mean 'width'" in unknown.output


def test_the_repr_of_a_run_shows_its_accuracy_and_show_its_one_duration(tmp_path):
    run = made(tmp_path, "one")
    assert "finished, test accuracy 100.00%" in repr(run)
    assert re.search(r"training +2\.5 s", cnnkit("show", "one", "--runs-dir", tmp_path).output)


@pytest.mark.parametrize("name", ["[bold]y", "[/x]", ":smile:", 7, "\x1b[2J"])
def test_a_terminal_table_prints_any_name_as_it_is(name):
    from cnnkit.cli.output import console, table

    terminal = console()
    listing = table("class", str(name))
    listing.add_row(name, 3)
    with terminal.capture() as captured:
        terminal.print(listing)
    assert captured.get().count(str(name).replace("\x1b", "\\x1b")) == 2


def test_output_that_is_not_utf_8_ends_no_command(tmp_path):
    made(tmp_path, "one", note="é – 学")
    done = subprocess.run(
        [sys.executable, "-c", "from cnnkit.cli import main; main()", "show", "one",
         "--runs-dir", str(tmp_path)],
        capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"\\xe9 - \\u5b66" in done.stdout
