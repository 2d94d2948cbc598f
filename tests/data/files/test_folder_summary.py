"""What a folder's data set says of its files: which are taken, left out, enlarged."""

import numpy as np
import pytest
from PIL import Image

from cnnkit import data

pytestmark = pytest.mark.once

SMALL = {"image_size": (6, 5)}  # as painted, so that pixels stay what they are


def test_the_summary_says_which_pictures_were_taken_and_left_out(paint, tmp_path):
    for number in range(20):
        paint(f"own/train/a/{number}.png", number)
    paint("own/dev/a/1.png", 50)
    (tmp_path / "own/notes.md").touch()
    summary = data.folder(tmp_path / "own", **SMALL).summary()
    assert "18 train, 1 validation, 2 test" in summary
    assert "Taken from the training files: 2 for test." in summary
    assert "Left out: notes.md lies outside every class folder." in summary


def test_images_that_are_enlarged_for_lack_of_an_image_size_are_said(paint, tmp_path):
    for number in range(6):
        paint(f"own/{'ab'[number % 2]}/{number}.png", number)
    summary = data.folder(tmp_path / "own").summary()
    assert "at most 6 pixels a side" in summary  # they are painted 6 x 5
    assert "224 x 224; image_size=6" in summary
    assert "Enlarged" not in data.folder(tmp_path / "own", image_size=224).summary()


def test_images_larger_than_the_usual_size_are_not_called_enlarged(tmp_path):
    draw = np.random.default_rng(0)
    for number in range(6):
        (tmp_path / f"own/{number % 2}").mkdir(parents=True, exist_ok=True)
        pixels = draw.integers(0, 255, (240, 20, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"own/{number % 2}/{number}.png")
    assert "Enlarged" not in data.folder(tmp_path / "own").summary()


def test_the_summary_says_so_if_the_splits_are_the_files_own(paint, tmp_path):
    for number, split in enumerate(("train", "val", "test")):
        paint(f"own/{split}/a/1.png", number)
    assert "The splits are the files' own." in data.folder(tmp_path / "own", **SMALL).summary()
