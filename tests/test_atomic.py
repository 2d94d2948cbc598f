import json
import os

import pytest

from cnnkit import atomic

pytestmark = pytest.mark.once


def test_replaces_the_whole_file(tmp_path):
    path = tmp_path / "file.txt"
    atomic.write_text(path, "a long first version")
    atomic.write_text(path, "second")
    assert path.read_text() == "second"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_an_error_while_writing_keeps_the_old_file(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic.replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["model.keras"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_failing_disk_keeps_the_old_file(tmp_path, monkeypatch, call):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    path = tmp_path / "file.txt"
    path.write_text("old")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_text(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_the_temporary_file_has_the_same_suffix(tmp_path):
    # Keras takes a file's format from its suffix.
    with atomic.replacing(tmp_path / "model.keras") as temporary:
        assert temporary.suffix == ".keras"
        temporary.write_text("")


def test_json_has_no_infinities(tmp_path):
    path = tmp_path / "file.json"
    atomic.write_json(path, {"loss": float("nan"), "all": (1, float("inf")), 2: "é"})
    assert json.loads(path.read_text()) == {"loss": None, "all": [1, None], "2": "é"}


def test_a_folder_is_replaced_whole(tmp_path):
    for content in ("first", "second"):
        with atomic.replacing_folder(tmp_path / "export") as temporary:
            (temporary / "part").mkdir()
            (temporary / "part" / f"{content}.txt").write_text(content)
    assert os.listdir(tmp_path) == ["export"]
    assert os.listdir(tmp_path / "export" / "part") == ["second.txt"]


def test_an_error_keeps_the_old_folder(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "old.txt").write_text("old")
    with pytest.raises(RuntimeError), atomic.replacing_folder(tmp_path / "export") as temporary:
        (temporary / "new.txt").write_text("half of the n")
        raise RuntimeError
    assert os.listdir(tmp_path) == ["export"]
    assert os.listdir(tmp_path / "export") == ["old.txt"]
