"""What commands write is complete or as it was, even on a disk that fills up."""

import contextlib
import resource
from pathlib import Path

import numpy as np
import pytest

from cnnkit import plots
from cnnkit.cli.output import write_picture
from cnnkit.data.inspection import page
from cnnkit.data.inspection.inspection import inspect
from cnnkit.errors import SettingError
from cnnkit.tensorboard import film

pytestmark = pytest.mark.once

NOISE = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
WRITERS = {
    "page.html": lambda path: page.write_page(inspect("photos"), path),
    "table.csv": lambda path: inspect("photos").write_csv(path),
    "picture.png": lambda path: write_picture(plots.image_grid(NOISE), path),
    "picture.svg": lambda path: write_picture(plots.image_grid(NOISE), path),
    "film.webp": lambda path: film.write_film("events", path),
}


@contextlib.contextmanager
def small_disk(size):
    """The system itself ends a file at this size, in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_whole_or_as_it_was(photos, monkeypatch, name):
    monkeypatch.setattr(film, "film_frames", lambda *_: dict(enumerate(NOISE, start=1)))
    path, write = Path(name), WRITERS[name]
    write(path)
    complete = path.read_bytes()
    path.write_bytes(b"an older one")
    listed = sorted(Path().iterdir())
    with small_disk(600), pytest.raises((OSError, SettingError), match="File too large"):
        write(path)
    assert path.read_bytes() == b"an older one"
    assert sorted(Path().iterdir()) == listed
    write(path)
    assert len(path.read_bytes()) == len(complete) > 600


def test_a_picture_follows_a_link_and_may_go_to_a_device(tmp_path, capsys):
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "link.png").symlink_to("real.png")
    write_picture(plots.image_grid(NOISE), tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert (tmp_path / "real.png").read_bytes()[1:4] == b"PNG"
    write_picture(plots.image_grid(NOISE), Path("/dev/null"))
    assert Path("/dev/null").is_char_device()
    with pytest.raises(SettingError, match="cannot be written: No such file or directory"):
        write_picture(plots.image_grid(NOISE), tmp_path / "nowhere/picture.png")
