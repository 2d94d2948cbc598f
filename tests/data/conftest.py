"""Folders of small images, each of a colour of its own."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def paint(tmp_path):
    """Return a function that writes a PNG below tmp_path; the same `number`, the same bytes."""

    def paint(path, number=None):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        number = abs(hash(path)) if number is None else number
        pixels = np.random.default_rng(number).integers(0, 256, (6, 5, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, "PNG")
        return file

    return paint


@pytest.fixture
def pets(paint, tmp_path):
    """A folder of 20 cats and 10 dogs, all different."""
    for number in range(20):
        paint(f"pets/cat/{number}.png", number)
    for number in range(10):
        paint(f"pets/dog/{number}.png", 100 + number)
    return tmp_path / "pets"
