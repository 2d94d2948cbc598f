import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnkit.data import cache
from cnnkit.data.images import pixel_cache
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once

SHAPE = (5, 4, 3)
NAME = f"5x4x3{cache.DECODED}test"


def picture(number):
    return np.random.default_rng(number).integers(0, 256, SHAPE, dtype=np.uint8)


def digest(number):
    return number.to_bytes(32, "big")


def filled(*numbers):
    store = pixel_cache.PixelCache(NAME, SHAPE)
    with store.adding() as writer:
        for number in numbers:
            writer.add(digest(number), picture(number))
    return store


def read(store, *numbers):
    pixels = np.zeros((len(numbers), *SHAPE), np.uint8)
    missing = store.read([digest(number) for number in numbers], pixels)
    return pixels, missing


def test_what_was_added_is_read_by_the_next_process_too(own_image_cache):
    filled(1, 2, 3)
    store = pixel_cache.PixelCache(NAME, SHAPE)
    pixels, missing = read(store, 3, 1, 9, 3)
    assert missing == [2]
    for place, number in ((0, 3), (1, 1), (3, 3)):
        np.testing.assert_array_equal(pixels[place], picture(number))
    assert digest(2) in store
    assert digest(9) not in store


def test_the_files_are_plain_npy(own_image_cache):
    filled(1, 2)
    (file,) = own_image_cache.rglob("*.npy")
    np.testing.assert_array_equal(np.load(file), [picture(1), picture(2)])


def test_an_image_is_added_once_and_more_files_are_begun_when_one_is_full(
    own_image_cache, monkeypatch
):
    monkeypatch.setattr(pixel_cache, "FILE_ROWS", 2)
    store = filled(1, 2, 1, 3, 4, 5)
    assert len(list(own_image_cache.rglob("*.npy"))) == 3
    pixels, missing = read(store, 5, 4, 3, 2, 1)
    assert missing == []
    np.testing.assert_array_equal(pixels, [picture(number) for number in (5, 4, 3, 2, 1)])


@pytest.mark.parametrize("at", [pixel_cache.HEADER, pixel_cache.HEADER + 90, -1])
def test_damaged_pixels_are_missing_and_can_be_mended(own_image_cache, at):
    filled(1, 2)
    (file,) = own_image_cache.rglob("*.npy")
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    store = pixel_cache.PixelCache(NAME, SHAPE)
    _, missing = read(store, 1, 2)
    assert len(missing) == 1
    number = missing[0] + 1
    store.mend(digest(number), picture(number + 7))  # wrong pixels are not taken
    assert read(store, 1, 2)[1] == missing
    store.mend(digest(number), picture(number))
    pixels, missing = read(store, 1, 2)
    assert missing == []
    np.testing.assert_array_equal(pixels, [picture(1), picture(2)])


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [(suffix, damage) for suffix in (".npy", ".json") for damage in ("lost", "empty", "cut")]
    + [(".npy", "longer"), (".json", "noise")],
)
def test_a_damaged_file_is_as_if_it_were_not_there(own_image_cache, suffix, damage):
    filled(1, 2)
    (file,) = own_image_cache.rglob(f"*{suffix}")
    content = file.read_bytes()
    if damage == "lost":
        file.unlink()
    else:
        noise = np.random.default_rng(0).bytes(len(content))
        damaged = {"empty": b"", "cut": content[:-9], "longer": content + b"x", "noise": noise}
        file.write_bytes(damaged[damage])
    store = pixel_cache.PixelCache(NAME, SHAPE)
    assert read(store, 1, 2)[1] == [0, 1]
    with store.adding() as writer:
        for number in (1, 2):
            writer.add(digest(number), picture(number))
    pixels, missing = read(store, 1, 2)
    assert missing == []
    np.testing.assert_array_equal(pixels, [picture(1), picture(2)])


def test_what_is_deleted_meanwhile_is_missing(own_image_cache):
    store = filled(1, 2)
    assert cache.clear() > 0
    assert read(store, 1, 2)[1] == [0, 1]
    assert cache.entries() == []


def test_clearing_leaves_what_is_not_the_cache_s(own_image_cache):
    filled(1)
    mine = own_image_cache / "photos/a.npy"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    (own_image_cache / NAME / "notes.txt").write_text("mine, too")
    cache.clear()
    left = [path.name for path in own_image_cache.rglob("*") if path.is_file()]
    assert sorted(left) == ["a.npy", "notes.txt"]


def test_an_error_while_adding_leaves_no_half_file(own_image_cache):
    store = pixel_cache.PixelCache(NAME, SHAPE)
    with pytest.raises(KeyboardInterrupt), store.adding() as writer:
        writer.add(digest(1), picture(1))
        raise KeyboardInterrupt
    assert [path for path in own_image_cache.rglob("*") if path.is_file()] == []


def test_what_was_used_longest_ago_makes_room(own_image_cache, monkeypatch):
    for number in range(3):
        store = pixel_cache.PixelCache(f"5x4x3{cache.DECODED}{number}", SHAPE)
        with store.adding() as writer:
            writer.add(digest(number), picture(number))
        for file in store.folder.iterdir():
            os.utime(file, (1000 + number, 1000 + number))
    assert digest(0) in pixel_cache.PixelCache(
        f"5x4x3{cache.DECODED}0", SHAPE
    )  # and so it is used again
    room = sum(line.bytes for line in cache.entries())
    monkeypatch.setenv("CNNKIT_CACHE_GIGABYTES", str(room / 1e9))
    filled(9)
    assert [line.settings[-1] for line in cache.entries()] == ["0", "2", "t"]


def test_other_data_of_the_same_settings_make_room_too(own_image_cache, monkeypatch):
    old, used = filled(1), filled(2)
    assert old.folder == used.folder
    for file in own_image_cache.rglob("*.*"):
        os.utime(file, (1000, 1000))
    monkeypatch.setenv("CNNKIT_CACHE_GIGABYTES", "0")
    store = pixel_cache.PixelCache(NAME, SHAPE)
    assert digest(2) in store
    with store.adding() as writer:
        writer.add(digest(3), picture(3))
    assert read(store, 1, 2, 3)[1] == [0]


def test_half_written_files_of_the_dead_are_removed_and_those_of_the_living_are_not(
    own_image_cache,
):
    filled(1)
    old, new = (own_image_cache / NAME / f"{name}.part" for name in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    filled(2)
    assert not old.exists()
    assert new.exists()


def test_a_limit_that_is_no_number_is_named(monkeypatch):
    monkeypatch.setenv("CNNKIT_CACHE_GIGABYTES", "plenty")
    with pytest.raises(SettingError, match="a number, not 'plenty'"):
        cache.limit()


FILL = """
import sys
import numpy as np
from cnnkit.data.images import pixel_cache
sys.path.insert(0, {tests!r})
from test_cache import NAME, SHAPE, digest, picture
pixel_cache.FILE_ROWS = 7
sys.stdin.readline()  # both begin when they are told to
store = pixel_cache.PixelCache(NAME, SHAPE)
with store.adding() as writer:
    for number in range(300):
        writer.add(digest(number), picture(number))
"""


def test_two_processes_fill_it_at_once(own_image_cache):
    code = FILL.format(tests=str(Path(__file__).parent))
    workers = [
        subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for worker in workers:
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        worker.stdin.close()
        assert worker.wait(timeout=120) == 0
    pixels, missing = read(pixel_cache.PixelCache(NAME, SHAPE), *range(300))
    assert missing == []
    np.testing.assert_array_equal(pixels, [picture(number) for number in range(300)])
    for index in own_image_cache.rglob("*.json"):
        assert json.loads(index.read_text())["rows"]
