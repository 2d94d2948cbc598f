import os

import pytest

from cnnkit.data.inspection.quarantine import UNDO, move_back, move_out, quarantine_folder
from cnnkit.errors import MissingDataError

pytestmark = pytest.mark.once


def state(folder):
    """Every path below, with the content of files and the target of links."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = os.fsencode(path.relative_to(folder))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = path.read_bytes()
        else:
            found[name] = None
    return found


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "photos"
    for name in ("a/1.jpg", "a/deep/2.jpg", "b/3.jpg", "b/\udcff ü.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode("utf-8", "surrogateescape"))
    (root / "b/link.jpg").symlink_to("nowhere")
    os.mkfifo(root / "b/pipe.jpg")
    return root


BAD = ["a/deep/2.jpg", "b/\udcff ü.jpg", "b/link.jpg", "b/pipe.jpg"]


def test_moving_out_and_back_leaves_everything_as_it_was(root):
    before = state(root)
    moved, kept = move_out(root, BAD)
    assert (moved, kept) == (BAD, {})
    assert not any(os.path.lexists(root / path) for path in BAD)
    assert all(os.path.lexists(quarantine_folder(root) / path) for path in BAD)
    moved, kept = move_back(root)
    assert (sorted(moved), kept) == (sorted(BAD), {})
    assert state(root) == before
    assert not quarantine_folder(root).exists()


def test_two_fixes_are_undone_together_even_of_one_name(root):
    move_out(root, ["a/1.jpg"])
    (root / "a/1.jpg").write_bytes(b"second")
    move_out(root, ["a/1.jpg"])
    moved, kept = move_back(root)
    assert moved == ["a/1.jpg"]
    assert list(kept) == ["a/1.jpg"]
    assert "something else is there" in kept["a/1.jpg"]
    assert (root / "a/1.jpg").read_bytes() == b"second"
    assert (quarantine_folder(root) / "a/1.jpg").read_bytes() == b"a/1.jpg"
    (root / "a/1.jpg").unlink()
    assert move_back(root) == (["a/1.jpg"], {})
    assert (root / "a/1.jpg").read_bytes() == b"a/1.jpg"


def test_folders_what_is_gone_and_what_lies_outside_stay(root, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "9.jpg").write_bytes(b"9")
    (root / "a/all").symlink_to(outside)
    before = state(tmp_path)
    moved, kept = move_out(root, ["a/deep", "a/gone.jpg", "a/all/9.jpg", "../outside/9.jpg"])
    assert moved == []
    assert set(kept) == {"a/deep", "a/gone.jpg", "a/all/9.jpg", "../outside/9.jpg"}
    assert state(tmp_path) == before


def test_an_undo_file_cut_off_in_mid_line_still_undoes_the_rest(root):
    move_out(root, BAD[:2])
    undo = quarantine_folder(root) / UNDO
    undo.write_text(undo.read_text() + '{"was": "a/1.j')
    assert len(move_back(root)[0]) == 2
    assert (root / "a/1.jpg").exists()


def test_what_cannot_be_moved_is_told_and_stays(root, monkeypatch):
    def refuse(source, target):
        raise OSError(18, "Invalid cross-device link")

    before = state(root.parent)
    monkeypatch.setattr(os, "rename", refuse)
    moved, kept = move_out(root, BAD[:1])
    assert (moved, kept) == ([], {BAD[0]: "cannot be moved: Invalid cross-device link"})
    assert state(root.parent) == before  # nor is a quarantine left, or a folder of it
    with pytest.raises(MissingDataError):
        move_back(root)


def test_what_cannot_be_moved_leaves_an_older_quarantine_as_it_was(root, monkeypatch):
    move_out(root, BAD[:2])
    before = state(root.parent)

    def refuse(source, target):
        raise OSError(18, "Invalid cross-device link")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", refuse)
        assert move_out(root, BAD[2:])[0] == []
        assert state(root.parent) == before
        (root / "a/deep").rmdir()
        moved, staying = move_back(root)
        assert (moved, set(staying)) == ([], set(BAD[:2]))
        assert not (root / "a/deep").exists()
    assert sorted(move_back(root)[0]) == sorted(BAD[:2])


def test_undoing_nothing_says_so(root):
    with pytest.raises(MissingDataError, match="nothing to undo"):
        move_back(root)
