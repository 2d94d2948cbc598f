import sys

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The working folder of the run, with eight small photos of each of two classes."""
    folder = tmp_path / "project"
    draw = np.random.default_rng(0)
    for number in range(16):
        file = folder / f"photos/{'xo'[number % 2]}/{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (6, 6), dtype=np.uint8)).save(file)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return folder
