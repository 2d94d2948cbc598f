"""Every command that README, docs and notebooks name is one that cnnkit understands."""

import contextlib
import json
import re
import shlex
import shutil
from pathlib import Path

import click
import keras
import pytest
from click.testing import CliRunner

from cnnkit.cli import main

ROOT = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="looks at no tensor"),
]


def texts():
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        yield page.read_text()
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(notebook.read_text())["cells"]:
            yield "".join(cell["source"])


def named_commands():
    """The lines of code blocks that call cnnkit, without the prompt."""
    for text in texts():
        for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            yield from re.findall(r"^(?:\$ )?(cnnkit \S.*)$", block, re.MULTILINE)
    # These have whole commands in their sentences, too; a command alone lacks its arguments.
    for page in ("glossary.md", "explanation/concepts.md"):
        yield from re.findall(r"`(cnnkit [\w-]+ [^`\n]+)`", (ROOT / "docs" / page).read_text())


COMMANDS = sorted(set(named_commands()))


def parsed(words):
    """Let click parse words, down to the last command, without running it."""
    command, context = main, None
    name, words = words[0], words[1:]
    while True:
        context = command.make_context(name, words, parent=context)
        rest = [*context._protected_args, *context.args]
        if not isinstance(command, click.Group) or not rest:
            return context
        name, command, words = command.resolve_command(context, rest)


def test_there_are_commands():
    assert len(COMMANDS) > 15


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the experiments, the one that the docs make, and the README's picture."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "experiments", folder / "experiments")
    with contextlib.chdir(folder):
        new = CliRunner().invoke(main, ["new", "strokes"])
    assert new.exit_code == 0, new.output
    (folder / "cat.jpg").touch()
    return folder


@pytest.mark.parametrize("line", COMMANDS)
def test_a_named_command_is_understood(line, folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert parsed(shlex.split(line, comments=True)).info_name


def test_a_misspelt_option_is_not():
    with pytest.raises(click.UsageError):
        parsed(shlex.split("cnnkit features --dataset digits features.npz"))
