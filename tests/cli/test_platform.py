"""Where cnnkit runs, and what it says elsewhere."""

import sys

import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit.cli import main
from cnnkit.errors import CnnkitError

pytestmark = pytest.mark.once
WORDS = "cnnkit supports Linux and macOS, and this is Windows"


@pytest.fixture
def windows(monkeypatch, tmp_path):
    """Let this be Windows in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "platform", "win32")
    return tmp_path


def test_a_run_is_refused_on_windows(windows):
    def experiment():
        raise AssertionError("must not be called")

    with pytest.raises(CnnkitError, match=WORDS):
        cnnkit.run(experiment)
    with pytest.raises(CnnkitError, match=WORDS):
        cnnkit.resume(experiment, cnnkit.Run("gone"))
    assert list(windows.iterdir()) == []


def test_a_command_is_refused_on_windows_in_one_sentence(windows):
    result = CliRunner().invoke(main, ["runs"])
    assert result.exit_code == 2
    assert WORDS in " ".join(result.output.split())
    assert result.output.count("Error: ") == 1


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_linux_and_macos_are_supported(platform, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    assert "No runs in runs" in CliRunner().invoke(main, ["runs"]).output
