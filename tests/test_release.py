"""What is released: a wheel and a source archive, installed where there is no checkout."""

import configparser
import email
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("build")

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
MADE = {"build", "dist", "runs"}  # by running, at the top of a checkout


def output_of(*words, folder):
    """What a program prints that knows of no checkout."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, cwd=folder, env=outside, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A folder with the source archive, and the wheel that was built from it."""
    checkout = tmp_path_factory.mktemp("release")
    generated = shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules", "reference")
    for path in ROOT.iterdir():
        if path.is_dir() and path.name not in MADE and not path.name.startswith("."):
            shutil.copytree(path, checkout / path.name, ignore=generated)
        elif path.is_file():
            shutil.copy(path, checkout)
    output_of(sys.executable, "-m", "build", "--no-isolation", folder=checkout)
    return checkout / "dist"


@pytest.fixture(scope="module")
def wheel(released):
    (path,) = released.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The programs of a new environment that has the wheel, and sees this one's dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    programs = folder / "bin"
    pip = (sys.executable, "-m", "pip", "--python", programs / "python")
    output_of(*pip, "install", "--no-deps", wheel, folder=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A folder that is only added to the path: its own .pth files, the checkout's, do not count.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return programs


def version():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    return settings["metadata"]["version"]


def test_every_file_of_the_package_is_in_the_wheel(wheel):
    files = [path for path in (ROOT / "cnnkit").rglob("*") if path.is_file()]
    wanted = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == wanted


def test_the_source_archive_has_all_that_its_tests_read(released):
    (path,) = released.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("benchmarks", "docs", "experiments", "explorer/web/src", "notebooks", "tests"):
        for file in (ROOT / folder).glob("*.*"):
            assert str(file.relative_to(ROOT)) in packed
    assert {"CHANGELOG.md", "CITATION.cff", "LICENSE", "Makefile", "setup.cfg"} <= packed


def test_twine_accepts_both(released):
    twine = (sys.executable, "-m", "twine", "check", "--strict")
    shown = output_of(*twine, *released.iterdir(), folder=released)
    assert shown.count("PASSED") == 2


def test_an_installed_cnnkit_has_its_commands_and_writes_an_experiment(installed, tmp_path):
    cnnkit = installed / "cnnkit"
    shown = output_of(cnnkit, "--help", folder=tmp_path)
    for command in ("run", "explore", "predict", "search", "compare", "tensorboard"):
        assert re.search(rf"^  {command} ", shown, re.MULTILINE)
    assert version() in output_of(cnnkit, "--version", folder=tmp_path)
    output_of(cnnkit, "new", "strokes", folder=tmp_path)
    assert "def experiment(" in (tmp_path / "experiments/strokes.py").read_text()


def test_import_finds_the_installed_one(installed, tmp_path):
    code = "import cnnkit; print(cnnkit.__file__, callable(cnnkit.data.digits))"
    file, is_callable = output_of(installed / "python", "-c", code, folder=tmp_path).split()
    assert Path(file).is_relative_to(installed.parent)
    assert is_callable == "True"


def test_metadata_and_citation_agree(wheel):
    yaml = pytest.importorskip("yaml")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = email.message_from_string(archive.read(name).decode())
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    # What the schema of the Citation File Format 1.2.0 requires.
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == metadata["Version"] == version()
    assert citation["license"] == metadata["License-Expression"]
    assert [author["name"] for author in citation["authors"]] == [metadata["Author"]]
    assert f"{version()}" in (ROOT / "CHANGELOG.md").read_text()
    pythons = re.findall(r":: (3\.\d+)$", "\n".join(metadata.get_all("Classifier")), re.MULTILINE)
    assert metadata["Requires-Python"] == f">={min(pythons)}"
