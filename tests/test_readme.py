"""What README and docs say, done."""

import contextlib
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

from cnnkit.cli import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
TABLE = (DOCS / "experiments.md").read_text()
EXPERIMENTS = re.findall(r"`python -m experiments\.(\w+)`", TABLE)
OPTIONS = re.compile(r"^python -m experiments\.(\w+) (.+)$", re.MULTILINE)
# What takes minutes is asked for less, in a slow test.
SMALL = {
    "minutes=3": "minutes=0.5",
    "trials=20, workers=2": "trials=1, workers=1",
}
SHOWN = {  # what a page's Python prints
    "own-keras-model": r"^\[0\.\d+, 0\.\d+\]$",
    "predict-and-evaluate": r"^cat\.jpg \w+$",
    "sounds-and-texts": "Total params: ",
}
PHOTOS = 12
ACCURACY = r"`python -m experiments\.{}` \|.*?(\d+\.\d+ %)"


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def commands(page):
    return [line[2:] for block in blocks(page, "console") for line in block.splitlines() if line]


def python(*arguments, folder):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def dry_run(*arguments):
    """What make would do, also where make runs these tests."""
    outside = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=ROOT, env=outside, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


on_the_default_backend = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the README's commands run on TensorFlow"
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The folder of somebody who reads one page after the other."""
    return tmp_path_factory.mktemp("reader")


@on_the_default_backend
@pytest.mark.parametrize(
    ("page", "runs"),
    [
        ("README", 1),
        ("runs", 1),
        pytest.param("experiments", 2, marks=pytest.mark.slow),
        pytest.param("seeing", 0, marks=pytest.mark.slow),
    ],
)
def test_the_commands_do_what_they_say(reader, monkeypatch, page, runs):
    monkeypatch.chdir(reader)
    before = len(list(reader.glob("runs/*/*/report.html")))
    for command in commands(README if page == "README" else DOCS / f"{page}.md"):
        words = shlex.split(command, comments=True)
        assert words[0] == "cnnkit"
        # TensorBoard serves until it is stopped, a search starts processes: both are tested so.
        if words[1] not in ("tensorboard", "search"):
            done = CliRunner().invoke(main, words[1:])
            assert done.exit_code == 0, f"{command}\n{done.output}"
    assert len(list(reader.glob("runs/*/*/report.html"))) == before + runs


@on_the_default_backend
def test_the_ten_lines_run(tmp_path):
    (code,) = blocks(README, "python")
    (tmp_path / "ten_lines.py").write_text(code)
    printed = python("ten_lines.py", folder=tmp_path)
    assert re.search(r"0\.\d+ \[\d", printed)


def pages_with_python():
    """Pages whose Python runs as it stands, but those that a test of their own looks at closely."""
    for page in sorted(DOCS.rglob("*.md")):
        if blocks(page, "python") and page.stem not in ("runs", "tracking"):
            takes_minutes = any(large in page.read_text() for large in SMALL)
            marks = [pytest.mark.slow] if takes_minutes else []
            yield pytest.param(page, id=page.stem, marks=marks)


@pytest.fixture(scope="module")
def finished(reader):
    """The reader's folder, with a run, a picture, and pictures of two classes."""
    with contextlib.chdir(reader):
        if not list(reader.glob("runs/*/*/model.keras")):
            words = ["run", "--dataset", "xo", "--model", "convnet", "--epochs", "1"]
            assert CliRunner().invoke(main, words).exit_code == 0
    for number in range(PHOTOS):
        file = reader / f"path/to/photos/{'cat' if number % 2 else 'dog'}/{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    Image.new("L", (28, 28), 255).save(reader / "cat.jpg")
    drawing = Image.new("L", (60, 60), 255)
    ImageDraw.Draw(drawing).line((30, 10, 30, 50), fill=0, width=5)
    drawing.save(reader / "drawing.png")
    return reader


@on_the_default_backend
@pytest.mark.parametrize("page", list(pages_with_python()))
def test_the_python_of_a_page_runs(page, finished, monkeypatch, capsys):
    monkeypatch.chdir(finished)
    monkeypatch.syspath_prepend(ROOT)
    code = "\n".join(blocks(page, "python"))
    for large, small in SMALL.items():
        code = code.replace(large, small)
    (finished / f"{page.stem}_page.py").write_text(code)
    runpy.run_path(f"{page.stem}_page.py")  # from a file: an experiment must have a source
    assert re.search(SHOWN.get(page.stem, ""), capsys.readouterr().out, re.MULTILINE)
    for table in re.findall(r"\.to_csv\(\"([^\"]+)\"", code):
        assert len((finished / table).read_text().splitlines()) == 1 + PHOTOS


@pytest.mark.slow
@on_the_default_backend
def test_three_commands_train_on_photos_and_name_others(finished, monkeypatch):
    monkeypatch.chdir(finished)
    shutil.copytree("path/to/photos/cat", "path/to/more/photos", dirs_exist_ok=True)
    (lines,) = (block for block in blocks(README, "bash") if "predict" in block)
    # MobileNet's weights come from the network.
    small = "convnet --dataset-option image_size=16 --epochs 1"
    for line in lines.replace("mobilenet_v2 --epochs 5", small).splitlines():
        done = CliRunner().invoke(main, shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
    named = re.findall(r"% +(?:cat|dog) +(?:\S+/)?(\S+)$", done.output, re.MULTILINE)
    assert {"cat.jpg", *os.listdir("path/to/more/photos")} == set(named), done.output


@on_the_default_backend
def test_a_compiled_model_becomes_a_run(tmp_path):
    (code,) = blocks(DOCS / "runs.md", "python")
    (tmp_path / "own_model.py").write_text(code)
    printed = python("own_model.py", folder=tmp_path)
    folder = re.search(r"^runs/\S+", printed, re.MULTILINE)[0]
    assert (tmp_path / folder / "report.html").exists()
    assert re.search(r"\[0\.\d+, 0\.\d+\]", printed)


def test_make_has_every_target_that_is_named():
    named = set(
        re.findall(r"\bmake ([a-z-]+)", README.read_text() + (ROOT / "CONTRIBUTING.md").read_text())
    )
    for target in {"demo", "test", "lint", "bench", "notebooks", "clean"} | named:
        dry_run(target)


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_plain_lines_are_those_of_make(target):
    dry = dry_run("--always-make", target)
    plain = [
        line.removeprefix(".venv/bin/")
        for line in blocks(ROOT / "CONTRIBUTING.md", "bash")[1].splitlines()
    ]
    for line in dry.splitlines():
        line = line.replace(" --quiet", "").split(" && ")[0]
        assert line in plain


def test_every_experiment_is_in_the_table():
    shipped = {path.stem for path in (ROOT / "experiments").glob("[!_]*.py")}
    assert shipped == set(EXPERIMENTS)


def test_the_results_of_the_readme_are_those_of_the_table():
    named = re.findall(r"`python -m experiments\.(\w+)`", README.read_text())
    assert len(named) > 3
    for name in named:
        found, wanted = (
            re.search(ACCURACY.format(name), text)[1] for text in (README.read_text(), TABLE)
        )
        assert found == wanted, name


@pytest.fixture
def help_of(monkeypatch):
    """A function (experiment, options) -> the exit status of its command with --help."""

    def asked(name, *words):
        monkeypatch.setattr(sys, "argv", [name, *words, "--help"])
        monkeypatch.syspath_prepend(ROOT)
        monkeypatch.delitem(sys.modules, f"experiments.{name}", raising=False)  # of another test
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(f"experiments.{name}", run_name="__main__")
        return ended.value.code

    return asked


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_each_command_of_the_table_is_one(name, help_of, capsys):
    assert help_of(name) == 0
    assert "--epochs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    sorted({line for page in [README, *DOCS.rglob("*.md")] for line in OPTIONS.findall(page.read_text())}),
)  # fmt: skip
def test_the_options_that_a_page_gives_an_experiment_are_its_own(name, words, help_of):
    assert help_of(name, *shlex.split(words, comments=True)) == 0


def test_a_misspelt_option_of_an_experiment_is_refused(help_of):
    assert help_of("digits_lenet5", "--epoch-count", "3") == 2


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_docstring_says_result_cost_and_needs_and_the_file_is_short(name):
    text = (ROOT / "experiments" / f"{name}.py").read_text()
    most = 120 if "def compare(" in text else 85 if "transfer" in name else 60
    assert len(text.splitlines()) < most
    for word in ("Result", "Cost", "Needs"):
        assert re.search(rf"^{word}\s+\S+ \S+", text, re.MULTILINE)
    accuracy = re.search(ACCURACY.format(name), TABLE)[1]
    assert accuracy in text.split('"""')[1]


@pytest.mark.parametrize(
    "page", [README, *sorted(DOCS.rglob("*.md"))], ids=lambda page: str(page.relative_to(ROOT))
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!http|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
