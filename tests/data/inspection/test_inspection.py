import csv
import os
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import zoo
from PIL import Image

from cnnkit.data.images import decode
from cnnkit.data.inspection import page
from cnnkit.data.inspection.facts import examine
from cnnkit.data.inspection.inspection import inspect
from cnnkit.errors import BadImage

pytestmark = pytest.mark.once

ANIMALS = zoo.zoo()


@pytest.fixture
def put(tmp_path):
    def put(path, content):
        file = tmp_path / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return tmp_path / "data"

    return put


@pytest.mark.parametrize("name", ANIMALS)
def test_inspection_and_training_agree_on_what_is_bad(name):
    content, refusal = ANIMALS[name]
    if refusal is None:
        assert examine(content).bytes == len(content)
    else:
        with pytest.raises(BadImage, match=refusal):
            examine(content)


def test_facts_are_those_of_the_upright_picture():
    facts = examine(zoo.turned(6))
    assert (facts.kind, facts.mode, facts.width, facts.height) == ("JPEG", "RGB", 48, 32)
    assert facts.turn == 6
    assert facts.frames == 1
    assert examine(ANIMALS["animated.gif"][0]).frames == 3
    assert examine(ANIMALS["cmyk.jpg"][0]).mode == "CMYK"


def test_mean_and_deviation_are_numpy_s():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    facts = examine(zoo.saved(Image.fromarray(pixels), "PNG"))
    np.testing.assert_allclose(facts.mean, pixels.mean(axis=(0, 1)))
    np.testing.assert_allclose(facts.deviation, pixels.std(axis=(0, 1)))


def test_a_large_jpeg_s_mean_is_that_of_all_its_pixels(shared):
    content = (shared / "data/odd_images/exif/Landscape_1.jpg").read_bytes()
    whole = decode.decode(content, (1200, 1800))
    np.testing.assert_allclose(examine(content).mean, whole.mean(axis=(0, 1)), atol=1)


def test_everything_wrong_with_a_folder_is_found_once(put):
    noise = np.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    plain = zoo.saved(Image.fromarray(noise), "PNG")
    white = zoo.saved(Image.new("RGB", (30, 30), "white"), "PNG")
    put("train/cat/1.png", plain)
    put("train/cat/again.png", ANIMALS["plain.png"][0])
    put("train/cat/again 2.png", ANIMALS["plain.png"][0])
    put("train/dog/1.png", plain)
    put("train/dog/2.jpg", ANIMALS["grey.jpg"][0])
    put("test/dog/leak.jpg", ANIMALS["grey.jpg"][0])
    put("test/cat/white.png", white)
    put("test/cat/gif.png", ANIMALS["animated.gif"][0])
    put("test/cat/turned.jpg", zoo.turned(3))
    root = put("test/cat/half.jpg", ANIMALS["half.jpg"][0])
    found = inspect(root)
    assert found.counts() == {"cat": {"test": 3, "train": 3}, "dog": {"test": 1, "train": 2}}
    assert {title: list(files) for title, files in found.wrong.items()} == {
        "cannot be read": ["test/cat/half.jpg"],
        "the same picture in several classes": ["train/cat/1.png"],
        "the same picture in several splits": ["test/dog/leak.jpg"],
        "blank": ["test/cat/white.png"],
    }
    assert list(found.notes["the same picture again in its class and split"]) == [
        "train/cat/again 2.png"
    ]
    assert list(found.notes["turned by EXIF"]) == ["test/cat/turned.jpg"]
    assert found.notes["named as another kind"] == {"test/cat/gif.png": "is GIF"}
    assert found.notes["animated, or of several pages"] == {"test/cat/gif.png": "3 frames"}


def test_near_duplicates_across_splits_are_found_and_others_are_not(put, shared):
    photographs = sorted((shared / "data/imagenet_sample").iterdir())
    for number, path in enumerate(photographs):
        split = "train" if number % 2 else "test"
        root = put(f"{split}/a/{path.name}", path.read_bytes())
    copies = photographs[1::10]
    for path in copies:
        with Image.open(path) as image:
            smaller = image.convert("RGB").resize((image.width // 2, image.height // 2))
            put(f"test/a/copy of {path.name}", zoo.saved(smaller, "JPEG", quality=60))
    pairs = {tuple(sorted(p.path for p in pair)) for pair in inspect(root).near_duplicates}
    assert pairs == {(f"test/a/copy of {p.name}", f"train/a/{p.name}") for p in copies}


def test_a_folder_in_order_is_said_to_be_so(pets):
    found = inspect(pets)
    assert found.wrong == {}
    assert found.counts() == {"cat": {"all": 20}, "dog": {"all": 10}}


def test_a_path_one_folder_too_high_is_named_with_the_right_one(pets, tmp_path):
    (problem,) = inspect(tmp_path).wrong.values()
    assert problem == {
        str(pets): "holds cat, dog: if these are the classes, give this folder's path"
    }


def test_a_single_class_is_a_problem(put):
    root = put("cat/1.png", ANIMALS["plain.png"][0])
    assert inspect(root).wrong["only one class"] == {
        str(root): "all pictures are of class 'cat'; training needs two"
    }


def test_pipes_loops_and_broken_names_end_in_the_list(put, tmp_path):
    root = put("a/1.png", ANIMALS["plain.png"][0])
    os.mkfifo(root / "a/pipe.png")
    put("b/1.png", ANIMALS["grey.jpg"][0])
    (root / "a/loop").symlink_to(root)
    (root / "a/\udcff.jpg").write_bytes(b"")
    found = inspect(root)
    assert found.wrong["cannot be read"] == {"a/pipe.png": "is a named pipe", "a/�.jpg": "is empty"}
    assert list(found.notes["no part of the data"]) == ["a/loop"]
    found.write_csv(tmp_path / "rows.csv")
    page.write_page(found, tmp_path / "page.html")
    assert "a/�.jpg" in (tmp_path / "page.html").read_text()


def test_the_table_has_a_row_for_every_file(put, tmp_path):
    for name, (content, _) in ANIMALS.items():
        root = put(f"zoo/{name}", content)
    inspect(root).write_csv(tmp_path / "rows.csv")
    with open(tmp_path / "rows.csv", encoding="utf-8", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert set(rows) == {f"zoo/{name}" for name in ANIMALS}
    for name, (_, refusal) in ANIMALS.items():
        assert bool(rows[f"zoo/{name}"]["cannot_be_read"]) == bool(refusal)
    assert rows["zoo/turned_8.jpg"]["width"] == "48"


class Page(HTMLParser):
    """Which tags a page has, how they nest, and what it would load."""

    VOID = ("meta", "tr", "td", "th", "link")  # HTML lets these be left open

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.loads, self.words = [], set(), [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.loads += [value for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.words.append(text)


def test_the_page_is_one_file_without_scripts_whatever_names_say(put, tmp_path):
    evil = '<img src="x"><span class="bar"><script>alert(1)<'
    name = evil.replace("/", "")
    put(f"{name}/1.png", ANIMALS["plain.png"][0])
    put(f"{name}/$title.png", b"")
    root = put("b/2.png", ANIMALS["half.png"][0])
    page.write_page(inspect(root), tmp_path / "page.html")
    shown = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert shown.loads == []
    assert not {"script", "img"} & shown.tags
    words = " ".join(shown.words)
    assert name in words
    assert "$title.png" in words
    assert re.search("Something is wrong with 2 files", words)


def test_a_page_is_written_even_where_nothing_can_be_read(put, tmp_path):
    root = put("a/1.png", b"")
    page.write_page(inspect(root), tmp_path / "page.html")
    assert "is empty" in (tmp_path / "page.html").read_text()


@pytest.mark.slow
def test_sixty_thousand_small_jpegs(shared, tmp_path):
    import tarfile
    import time

    from cnnkit.data.files.listing import list_folder

    with tarfile.open(shared / "data/cifar10-jpeg.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    (root,) = (path for path in tmp_path.iterdir() if path.is_dir())
    began = time.monotonic()
    assert len(list_folder(root).files) == 60_000
    assert time.monotonic() - began < 60  # seconds, on any machine
    assert sum(sum(row.values()) for row in inspect(root).counts().values()) == 60_000


def test_the_summary_names_what_is_wrong_and_cleaning_leaves_nothing(put):
    put("cat/1.png", ANIMALS["plain.png"][0])
    put("dog/1.jpg", ANIMALS["grey.jpg"][0])
    root = put("dog/half.jpg", ANIMALS["half.jpg"][0])
    (root / "empty").mkdir()
    found = inspect(root)
    lines = found.summary().splitlines()
    assert lines[:3] == ["cat: 1 all", "dog: 1 all", "Cannot be read: 1"]
    assert lines[3].startswith("  dog/half.jpg: ")
    assert lines[4:] == ["No part of the data: 1", "  empty: holds no files"]
    assert repr(found) == "<Inspection of 2 pictures of 2 classes: 1 cannot be read>"
    assert found.move_out() == {}
    clean = inspect(root)
    assert clean.wrong == {}
    assert clean.summary().splitlines()[-1] == "Nothing is wrong."
    assert clean.move_out(["cat/1.png", "cat/gone.png"]) == {"cat/gone.png": "is not there"}
    assert clean.move_back() == {}
    assert inspect(root).summary() == found.summary()


def test_a_long_summary_says_how_many_more_there_are(put):
    for number in range(8):
        root = put(f"cat/{number}.jpg", b"no picture")
    put("dog/1.png", ANIMALS["plain.png"][0])
    lines = inspect(root).summary().splitlines()
    assert lines[2] == "Cannot be read: 8"
    assert lines[8] == "  and 3 more"
