"""What the README says, done."""

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from click.testing import CliRunner

from cnnkit.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands():
    return [line[2:] for block in blocks("console") for line in block.splitlines() if line]


def python(*arguments, folder):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def dry_run(*arguments):
    """What make would do, also where make runs these tests."""
    outside = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=ROOT, env=outside, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


on_the_default_backend = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the README's commands run on TensorFlow"
)


@on_the_default_backend
def test_the_commands_do_what_they_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in commands():
        words = shlex.split(command)
        assert words[0] == "cnnkit"
        if words[1] != "tensorboard":  # serves until it is stopped; tested with a real server
            done = CliRunner().invoke(main, words[1:])
            assert done.exit_code == 0, f"{command}\n{done.output}"
    assert len(list((tmp_path / "runs").glob("*/*/report.html"))) == 4
    assert (tmp_path / "experiments" / "strokes.py").exists()


@on_the_default_backend
def test_the_ten_lines_run(tmp_path):
    code, _ = blocks("python")
    (tmp_path / "ten_lines.py").write_text(code)
    printed = python("ten_lines.py", folder=tmp_path)
    assert re.search(r"0\.\d+ \[\d", printed)


@on_the_default_backend
def test_a_compiled_model_becomes_a_run(tmp_path):
    _, code = blocks("python")
    (tmp_path / "own_model.py").write_text(code)
    printed = python("own_model.py", folder=tmp_path)
    folder = re.search(r"^runs/\S+", printed, re.MULTILINE)[0]
    assert (tmp_path / folder / "report.html").exists()
    assert re.search(r"\[0\.\d+, 0\.\d+\]", printed)


def test_make_has_every_target_that_is_named():
    named = set(re.findall(r"\bmake ([a-z-]+)", README + (ROOT / "CONTRIBUTING.md").read_text()))
    for target in {"demo", "test", "lint", "bench", "notebooks", "clean"} | named:
        dry_run(target)


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_plain_lines_are_those_of_make(target):
    dry = dry_run("--always-make", target)
    plain = [line.removeprefix(".venv/bin/") for line in blocks("bash")[2].splitlines()]
    for line in dry.splitlines():
        line = line.replace(" --quiet", "").split(" && ")[0]
        assert line in plain


def test_every_experiment_is_in_the_table():
    shipped = {path.stem for path in (ROOT / "experiments").glob("[!_]*.py")}
    assert shipped == set(re.findall(r"`python -m experiments\.(\w+)`", README))


@pytest.mark.parametrize("name", re.findall(r"`python -m experiments\.(\w+)`", README))
def test_each_command_of_the_table_is_one(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.delitem(sys.modules, f"experiments.{name}", raising=False)  # of another test
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"experiments.{name}", run_name="__main__")
    assert ended.value.code == 0
    assert "--epochs" in capsys.readouterr().out


@pytest.mark.parametrize("name", re.findall(r"`python -m experiments\.(\w+)`", README))
def test_a_docstring_says_result_cost_and_needs_and_the_file_is_short(name):
    text = (ROOT / "experiments" / f"{name}.py").read_text()
    most = 120 if "def compare(" in text else 85 if "transfer" in name else 60
    assert len(text.splitlines()) < most
    for word in ("Result", "Cost", "Needs"):
        assert re.search(rf"^{word}\s+\S+ \S+", text, re.MULTILINE)
    accuracy = re.search(rf"experiments\.{name}`.*?(\d+\.\d+ %)", README)[1]
    assert accuracy in text.split('"""')[1]


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
