"""The commands of the how-to pages, done: on digits and on small photos, without network."""

import contextlib
import re
import shlex
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from cnnkit.cli import main
from cnnkit.data import digits

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs/how-to").glob("*.md")), ROOT / "docs/photos.md"]
# Pretrained weights come from the network, a search takes minutes, and servers run until stopped.
SMALL = {
    "--backbone mobilenet_v2": "--backbone mobilenet_v2 --weights none",
    "mobilenet_v2_035": "convnet --dataset-option image_size=32",
    "mobilenet_v2": "convnet --dataset-option image_size=32 --epochs 1",
    "convnet --trials 20": "convnet --epochs 1 --trials 2",
}
SERVERS = re.compile(r"cnnkit (serve|tensorboard|explore (?!.*--output))")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.once,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="as the README's commands"),
]


def commands(page):
    """The lines of a page's shell blocks that call cnnkit."""
    for block in re.findall(r"^```bash\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in re.findall(r"^cnnkit .*$", block, re.MULTILINE):
            if not SERVERS.match(line):
                for large, small in SMALL.items():
                    if large in line:
                        line = line.replace(large, small)
                        break
                yield line


def cnnkit(line):
    done = CliRunner().invoke(main, shlex.split(line)[1:])
    finished = line.startswith("cnnkit resume") and "is finished" in done.output
    assert done.exit_code == 0 or finished, f"{line}\n{done.output}"
    return done.output


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with a finished run, a picture, and photos of two classes."""
    folder = tmp_path_factory.mktemp("prepared")
    shutil.copytree(ROOT / "experiments", folder / "experiments")
    with contextlib.chdir(folder):
        cnnkit("cnnkit run digits_lenet5 --epochs 2")
    (run,) = folder.glob("runs/*/*/model.keras")
    shutil.copy(run, folder)
    pictures = digits().test.inputs[..., 0].astype(np.uint8)
    Image.fromarray(pictures[3]).save(folder / "cat.jpg", quality=95)
    for name, first, count in (("cat", 0, 40), ("dog", 40, 20)):
        photos = folder / "path/to/photos" / name
        photos.mkdir(parents=True)
        for index in range(first, first + count):
            Image.fromarray(pictures[index]).convert("RGB").save(photos / f"{index}.png")
    rows = [
        f"photos/{file.parent.name}/{file.name},{file.parent.name}"
        for file in folder.glob("path/to/photos/*/*")
    ]
    (folder / "path/to/photos.csv").write_text("\n".join(["path,label", *sorted(rows)]))
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page, prepared, tmp_path, monkeypatch):
    folder = shutil.copytree(prepared, tmp_path / "reader")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CNNKIT_CACHE", str(tmp_path / "cache"))
    for line in commands(page):
        if "evaluate latest --dataset" in line:  # a run of digits has no cats
            done = CliRunner().invoke(main, shlex.split(line)[1:])
            assert "class" in done.output
        else:
            cnnkit(line)


def test_the_pages_have_commands():
    assert sum(len(list(commands(page))) for page in PAGES) > 20
