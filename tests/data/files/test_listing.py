import os
import socket
import time

import pytest
from hypothesis import given, strategies as st

from cnnkit.data.files.listing import list_folder
from cnnkit.data.files.walk import natural
from cnnkit.errors import MissingDataError, SettingError

pytestmark = pytest.mark.once


def touched(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def paths_of(listing):
    return [file.path for file in listing.files]


def test_class_folders_are_classes_in_natural_order(tmp_path):
    listing = list_folder(touched(tmp_path, "b10/a.jpg", "b9/a.jpg", "B1/a.jpg", "a/a.jpg"))
    assert listing.class_names == ("a", "B1", "b9", "b10")
    assert [(file.path, file.labels) for file in listing.files] == [
        ("a/a.jpg", (0,)), ("B1/a.jpg", (1,)), ("b9/a.jpg", (2,)), ("b10/a.jpg", (3,)),
    ]  # fmt: skip
    assert {file.split for file in listing.files} == {None}


@given(st.lists(st.tuples(st.text("abAB", max_size=3), st.integers(0, 10**12)), max_size=20))
def test_natural_order_is_by_letters_and_then_by_value(pairs):
    names = [f"{letters}{number}" for letters, number in pairs]
    wanted = [
        name
        for *_, name in sorted(
            (letters.casefold(), number, name)
            for (letters, number), name in zip(pairs, names, strict=True)
        )
    ]
    assert sorted(names, key=natural) == wanted


@pytest.mark.parametrize("validation", ["val", "valid", "Validation"])
def test_split_folders_are_splits(tmp_path, validation):
    root = touched(tmp_path, "train/x/1.jpg", f"{validation}/x/2.jpg", "TEST/o/3.jpg")
    listing = list_folder(root)
    assert listing.class_names == ("o", "x")
    assert {file.path: file.split for file in listing.files} == {
        "TEST/o/3.jpg": "test", "train/x/1.jpg": "train", f"{validation}/x/2.jpg": "validation",
    }  # fmt: skip


def test_a_class_may_be_called_train(tmp_path):
    listing = list_folder(touched(tmp_path, "train/1.jpg", "bus/2.jpg"))
    assert listing.class_names == ("bus", "train")


def test_splits_beside_something_else_are_not_guessed_at(tmp_path):
    root = touched(tmp_path, "train/x/1.jpg", "test/x/2.jpg", "unlabelled/3.jpg")
    with pytest.raises(SettingError, match="beside them, unlabelled"):
        list_folder(root)


def test_hidden_files_and_droppings_are_skipped(tmp_path):
    root = touched(
        tmp_path, "a/1.jpg", "a/.hidden.jpg", "a/._1.jpg", ".git/x.jpg", "__MACOSX/a/1.jpg",
        "a/Thumbs.db", "a/desktop.ini", "a/.DS_Store",
    )  # fmt: skip
    listing = list_folder(root)
    assert paths_of(listing) == ["a/1.jpg"]
    assert not listing.bad
    assert not listing.ignored


def test_names_may_have_spaces_any_letters_and_even_broken_bytes(tmp_path):
    root = touched(tmp_path, "café 猫/photo (1).jpg", "a/\udcff.jpg")
    listing = list_folder(root)
    assert listing.class_names == ("a", "café 猫")
    assert paths_of(listing) == ["a/\udcff.jpg", "café 猫/photo (1).jpg"]


def test_images_may_lie_deep_in_their_class(tmp_path):
    listing = list_folder(touched(tmp_path, "a/2019/june/1.jpg", "b/1.jpg"))
    assert [file.labels for file in listing.files] == [(0,), (1,)]


def test_what_lies_beside_the_class_folders_is_told(tmp_path):
    root = touched(tmp_path, "README.md", "a/1.jpg")
    (root / "b").mkdir()
    assert list_folder(root).ignored == {
        "README.md": "lies outside every class folder", "b": "holds no files",
    }  # fmt: skip


def test_links_are_followed_once(tmp_path):
    outside = touched(tmp_path / "outside", "3.jpg", "deep/4.jpg")
    root = touched(tmp_path / "root", "a/1.jpg", "b/2.jpg")
    (root / "a/all").symlink_to(outside)
    (root / "a/again").symlink_to(outside / "deep")
    (root / "a/up").symlink_to(root)
    (root / "a/self").symlink_to(root / "a")
    (root / "a/b").symlink_to(root / "b")
    (root / "b/twin.jpg").symlink_to(root / "a/1.jpg")
    listing = list_folder(root)
    assert len(paths_of(listing)) == 4
    assert {"a/1.jpg", "b/2.jpg", "a/all/3.jpg"} < set(paths_of(listing))
    assert set(listing.ignored) >= {"a/up", "a/self", "a/b", "b/twin.jpg"}
    assert not listing.bad


def test_what_cannot_be_read_is_named_and_never_waited_for(tmp_path):
    root = touched(tmp_path, "a/1.jpg")
    os.mkfifo(root / "a/pipe.jpg")
    (root / "a/gone.jpg").symlink_to("nowhere.jpg")
    (root / "a/round.jpg").symlink_to("round.jpg")
    (root / "a/null.jpg").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(root)  # a socket's path is at most 107 bytes long
        server.bind("a/s.jpg")
        os.chdir(here)
        began = time.monotonic()
        listing = list_folder(root)
    assert time.monotonic() - began < 30
    assert paths_of(listing) == ["a/1.jpg"]
    assert {name: reason.split(":")[0] for name, reason in listing.bad.items()} == {
        "a/pipe.jpg": "is a named pipe",
        "a/gone.jpg": "is a link to nothing",
        "a/round.jpg": "is a link that cannot be followed",
        "a/null.jpg": "is a device",
        "a/s.jpg": "is a socket",
    }


def test_a_folder_that_may_not_be_opened_is_named(tmp_path, monkeypatch):
    # Tests may run as root, whom no permission stops: the answer of the system is simulated.
    root = touched(tmp_path, "a/1.jpg", "b/2.jpg")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = list_folder(root)
    assert listing.bad == {"b": "is a folder that cannot be opened: Permission denied"}
    assert listing.class_names == ("a",)


def test_a_folder_that_is_none_is_said_to_be_none(tmp_path):
    with pytest.raises(MissingDataError, match="no folder .*nowhere"):
        list_folder(tmp_path / "nowhere")
    with pytest.raises(SettingError, match="no class folders"):
        list_folder(touched(tmp_path, "1.jpg"))


@pytest.mark.parametrize("other", ["eval", "holdout", "test1", "unlabelled"])
def test_an_unknown_folder_beside_a_split_is_refused(tmp_path, other):
    root = touched(tmp_path, "train/cat/1.jpg", "train/dog/2.jpg", f"{other}/cat/3.jpg")
    with pytest.raises(SettingError, match=f"beside them, {other}"):
        list_folder(root)


@pytest.mark.parametrize(
    ("train", "other", "split"),
    [
        ("train", "dev", "validation"),
        ("train", "validate", "validation"),
        ("training_set", "test_set", "test"),
    ],
)
def test_other_names_of_splits_are_splits(tmp_path, train, other, split):
    listing = list_folder(touched(tmp_path, f"{train}/cat/1.jpg", f"{other}/cat/2.jpg"))
    assert listing.class_names == ("cat",)
    assert {file.split for file in listing.files} == {"train", split}


def test_folders_with_the_same_subfolders_are_refused(tmp_path):
    root = touched(
        tmp_path, "fold1/cat/1.jpg", "fold1/dog/2.jpg", "fold2/cat/3.jpg", "fold2/dog/4.jpg"
    )
    with pytest.raises(SettingError, match="fold1 and fold2 both hold cat, dog"):
        list_folder(root)


def test_splits_without_one_to_train_on_are_refused(tmp_path):
    root = touched(tmp_path, "val/cat/1.jpg", "test/cat/2.jpg")
    with pytest.raises(SettingError, match="none to train on"):
        list_folder(root)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("seg_train", "seg_test"),
        ("seg_train/seg_train", "seg_test/seg_test"),  # as the archive of Intel's scenes unpacks
        ("train2017", "test2017"),
        ("Flowers-Training", "Flowers-Testing"),
    ],
)
def test_folders_alike_but_for_a_splits_name_are_splits(tmp_path, train, test):
    listing = list_folder(touched(tmp_path, f"{train}/sea/1.jpg", f"{test}/sea/2.jpg"))
    assert listing.class_names == ("sea",)
    assert [file.split for file in sorted(listing.files, key=lambda file: file.path[-5])] == [
        "train", "test",
    ]  # fmt: skip


def test_a_folder_beside_splits_of_a_common_prefix_is_refused(tmp_path):
    root = touched(tmp_path, *(f"seg_{name}/seg_{name}/sea/1.jpg" for name in ("train", "test")))
    touched(tmp_path, "seg_pred/seg_pred/1.jpg")
    with pytest.raises(SettingError, match="beside them, seg_pred"):
        list_folder(root)


def test_classes_with_a_word_of_splits_in_common_stay_classes(tmp_path):
    listing = list_folder(touched(tmp_path, "bullet_train/1.jpg", "steam_train/2.jpg"))
    assert listing.class_names == ("bullet_train", "steam_train")
    assert {file.split for file in listing.files} == {None}
