"""What environment.json says of the checkout, compared with git's own answers."""

import subprocess

import pytest

from cnnkit.training.environment import environment

pytestmark = pytest.mark.once
WHO = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]


def git(*words):
    return subprocess.run(
        ["git", *words], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_commit_is_named_once_there_is_one_and_whether_anything_differs_from_it(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert environment(0)["git"] is None
    git("init", "--quiet")
    assert environment(0)["git"] is None
    git(*WHO, "commit", "--quiet", "--allow-empty", "--message", "begin")
    commit = git("rev-parse", "HEAD")
    assert environment(0)["git"] == {"commit": commit, "clean": True}
    (tmp_path / "new.txt").touch()
    assert environment(0)["git"] == {"commit": commit, "clean": False}
    git("checkout", "--quiet", "--detach")
    assert environment(0)["git"]["commit"] == commit
