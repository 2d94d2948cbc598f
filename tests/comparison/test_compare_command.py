"""`cnnkit compare` in each of its forms, read by others' parsers."""

import csv
import html.parser
import io
import re
import subprocess
import sys

import numpy as np
import pandas
import pytest
from click.testing import CliRunner
from made_runs import CLASSES, ITEMS, finished
from PIL import Image

import cnnkit
from cnnkit.cli import main

pytestmark = pytest.mark.once


@pytest.fixture
def runs_dir(tmp_path, monkeypatch):
    """Two recipes with two seeds each."""
    monkeypatch.chdir(tmp_path)
    for seed in range(2):
        for name, accuracy, widths in (("a", 0.8, [16, 32]), ("b", 0.95, [8])):
            correct = np.random.default_rng([seed, ord(name)]).random(ITEMS) < accuracy
            settings = {"widths": widths, "pool": "max|mean"}
            finished("runs", f"{name}{seed}", seed=seed, settings=settings, correct=correct)
    return tmp_path / "runs"


def compare(*words):
    done = CliRunner().invoke(main, ["compare", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done


WHERE = ("--where", "experiment=letters", "--baseline", "a0")


def test_the_terminal_shows_scores_tests_differences_and_examples(runs_dir):
    output = compare(*WHERE).output
    frame = cnnkit.compare(where="experiment=letters", baseline="a0")
    for row in frame.itertuples():
        assert f"{100 * row.test:.2f} % ({100 * row.test_low:.2f} to" in output
    assert "< 0.001 bootstrap" in output
    assert f"{100 * frame['difference'][1]:+.2f} (" in output
    assert re.search(r"settings\.widths\s+\[16, 32\]\s+\[8\]", output)
    assert "wrong in the baseline:" in output
    assert re.search(r"test:\d+\s+[abcd]\s+[abcd]\s+[abcd]\s+100%", output)


def test_csv_is_the_frame(runs_dir):
    text = compare(*WHERE, "--csv").stdout
    ours = pandas.read_csv(io.StringIO(text))
    theirs = cnnkit.compare(where="experiment=letters", baseline="a0")
    assert list(ours) == list(theirs)
    for name in ("test", "test_low", "difference", "p_holm", "seconds"):
        np.testing.assert_allclose(ours[name].astype(float), theirs[name].astype(float))
    assert list(ours["widths"]) == ["[16, 32]", "[8]"]


def test_markdown_has_a_cell_for_each_heading(runs_dir):
    lines = compare(*WHERE, "--markdown").stdout.strip().splitlines()
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    assert len(lines) == 4
    assert {len(row) for row in cells} == {len(cells[0])}
    assert set(cells[1]) == {" --- "}


def test_latex_has_a_cell_for_each_column_and_no_bare_sign(runs_dir):
    text = compare(*WHERE, "--latex").stdout.strip()
    columns = re.search(r"\\begin\{tabular\}\{(l+)\}", text)[1]
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 3
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1
        assert not re.search(r"(?<!\\)[%#_]", row)


class Page(html.parser.HTMLParser):
    """What a page loads, and its cells."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.open, self.cells = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.loads += [value for name, value in attributes if name in ("src", "href")]
        assert tag != "script"
        self.open.append(tag)

    def handle_data(self, content):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(content)


def test_the_page_needs_nothing_else_and_has_all_sections(runs_dir):
    compare(*WHERE, "--html", "page.html")
    text = (runs_dir.parent / "page.html").read_text()
    page = Page(text)
    assert all(each.startswith(("data:", "#")) for each in page.loads)
    for words in ("Curves", "What differs between the recipes", "Examples that tell"):
        assert words in text
    assert "settings.widths" in page.cells
    assert "<svg" in text


def test_a_class_name_cannot_write_into_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        run = finished(
            "runs", name, settings={"widths": f"<b>{name}"}, accuracy=0.5, seed=ord(name)
        )
        names = ["<script>alert(1)</script>", *CLASSES[1:]]
        run.write_json("dataset.json", run.dataset | {"class_names": names})
    compare("a", "b", "--html", "page.html")
    Page((tmp_path / "page.html").read_text())  # fails on a script


def test_curves_are_one_picture(runs_dir):
    compare(*WHERE, "--curves", "curves.png")
    picture = np.asarray(Image.open(runs_dir.parent / "curves.png").convert("RGB"))
    colours = {tuple(each) for each in picture.reshape(-1, 3)}
    assert {(0, 0x72, 0xB2), (0xE6, 0x9F, 0)} <= colours


def test_the_results_page_is_rendered_with_command_and_machine(runs_dir):
    compare(*WHERE, "--readme", "RESULTS.md")
    text = (runs_dir.parent / "RESULTS.md").read_text()
    row = next(line for line in text.splitlines() if "cnnkit run letters" in line)
    frame = cnnkit.compare(where="experiment=letters", baseline="b0")
    cells = [each.strip() for each in row.split("|")[1:-1]]
    assert cells[:2] == ["`cnnkit run letters --seeds 2`", "0, 1"]
    assert cells[2].startswith(f"{100 * frame['test'][0]:.2f} % (")
    assert cells[3:] == ["2 seeds", "1,234", "1.00", "Abacus 1, 2 cores, tensorflow"]
    assert "Written by `cnnkit" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Name the runs to compare"),
        (("--where", "epochs>>3"), "position 8: a value is missing"),
        (("a0", "--where", "epoch=3"), "position 1: There is no field named 'epoch'"),
        (("nobody",), "There is no run under runs named 'nobody'"),
        (("a0", "--html", "nowhere/page.html"), "nowhere/page.html cannot be written"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(runs_dir, words, message):
    done = CliRunner().invoke(main, ["compare", *words])
    assert done.exit_code == 2
    assert message in done.output


def test_a_condition_is_never_executed(runs_dir):
    done = CliRunner().invoke(
        main, ["compare", "--where", "__import__('os').system('touch hit')=1"]
    )
    assert done.exit_code == 2
    assert not (runs_dir.parent / "hit").exists()


def test_a_table_needs_neither_keras_nor_matplotlib(runs_dir):
    code = (
        "import sys; from cnnkit.cli import main\n"
        "try: main(['compare', '--where', 'seed<2'])\n"
        "except SystemExit: pass\n"
        "print('HEAVY', {'keras', 'tensorflow', 'jax', 'matplotlib', 'pandas'} & set(sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=runs_dir.parent,
        check=True,
    ).stdout
    assert printed.endswith("HEAVY set()\n")


def test_csv_of_the_runs_can_be_narrowed(runs_dir):
    done = CliRunner().invoke(main, ["runs", "--where", "seed=1", "--csv"])
    rows = list(csv.DictReader(io.StringIO(done.output)))
    assert {row["run"] for row in rows} == {"a1", "b1"}
