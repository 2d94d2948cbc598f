"""`cnnkit explain xo`: the story of the X and the O in the shell."""

import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

from cnnkit.cli import main
from cnnkit.explain import xo

pytestmark = pytest.mark.once


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def story(*words):
    return CliRunner().invoke(main, ["explain", "xo", *words])


def test_the_x_is_told_in_ninths(here):
    told = story().output
    assert "  .#.....#." in told
    assert "   7 -1  1  3  5 -1  3" in told  # the first row under the diagonal, as published
    assert "  X: mean of 9 9 9 9 9 ninths = 1.000" in told
    assert "The answer is X." in told
    assert np.asarray(Image.open("xo.png").convert("L")).std() > 10


def test_the_bent_x_is_an_x_to_features_and_an_o_pixel_by_pixel(here):
    told = story("deformed", "--output", "bent.svg").output
    assert "The answer is X." in told
    like = {name: xo.match_whole_picture(xo.DEFORMED_X, getattr(xo, name)) for name in "XO"}
    assert f"{like['X']:+.3f} like the X, {like['O']:+.3f} like the O. That would say O." in told
    assert (here / "bent.svg").exists()


def test_an_own_drawing_is_turned_and_brought_to_nine_pixels(here):
    paper = Image.new("L", (280, 280), "white")
    pen = ImageDraw.Draw(paper)
    pen.line([(60, 60), (220, 220)], fill="black", width=20)
    pen.line([(220, 60), (60, 220)], fill="black", width=20)
    paper.save("mine.png")
    told = story("mine.png").output
    assert "It was dark on light and is turned to light on dark." in told
    drawn = re.findall(r"^  ([.#]{9})$", told, re.MULTILINE)
    assert len(drawn) == 9
    assert "#" not in drawn[0] + drawn[8]  # the margin that the X of the story has
    assert [row[4] for row in drawn].count("#") in (1, 2, 3)
    assert "The answer is X." in told


def test_a_picture_that_is_not_there_is_one_sentence(here):
    result = story("gone.png")
    assert result.exit_code == 2
    assert "gone.png is not there; give an image file" in result.output
    assert "Traceback" not in result.output
