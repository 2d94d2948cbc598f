"""The documentation site has a place for every public name, every command and every page."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import cnnkit
from cnnkit.cli import main

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
INDEX = (DOCS / "index.md").read_text()
GLOSSARY = (DOCS / "glossary.md").read_text()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The generated pages of the reference, by name."""
    folder = tmp_path_factory.mktemp("reference") / "pages"
    code = f"import pathlib, reference; reference.write(pathlib.Path({str(folder)!r}))"
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{DOCS}", "TF_CPP_MIN_LOG_LEVEL": "3"}, check=True,
    )  # fmt: skip
    return {page.stem: page.read_text() for page in folder.iterdir()}


def listed(pages, name):
    """The pages that a page lists."""
    return pages[name].split(":maxdepth: 1")[1].split()


def test_the_reference_has_every_public_name(pages):
    packages = [
        thing for name in cnnkit.__all__ if inspect.ismodule(thing := getattr(cnnkit, name))
    ]
    assert listed(pages, "python") == ["cnnkit", *(package.__name__ for package in packages)]
    for package in (cnnkit, *packages):
        for name in getattr(package, "__all__", ()):
            if not (package is cnnkit and inspect.ismodule(getattr(cnnkit, name))):
                entry = rf"^\.\. [\w:]+:: {package.__name__}\.{name}$"
                assert re.search(entry, pages[package.__name__], re.MULTILINE), name


def test_the_reference_has_every_command_with_its_help(pages):
    commands = listed(pages, "commands")
    assert {"command-cnnkit-run", "command-cnnkit-explain-film"} <= set(commands)
    for command in main.list_commands(None):
        assert f"command-cnnkit-{command}" in commands
    for words in (["predict"], ["explain", "film"], ["runs", "clean"]):
        shown = CliRunner().invoke(main, [*words, "--help"]).output
        page = " ".join(pages["-".join(["command", "cnnkit", *words])].split())
        for option in re.findall(r"^  (--[a-z-]+)", shown, re.MULTILINE):
            assert option in page


@pytest.mark.parametrize(
    "page",
    [page for page in sorted(DOCS.rglob("*.md")) if page != DOCS / "index.md"],
    ids=lambda page: str(page.relative_to(DOCS)),
)
def test_the_index_or_a_link_leads_to_each_page(page):
    name = str(page.relative_to(DOCS).with_suffix(""))
    assert re.search(rf"^{name}$", INDEX, re.MULTILINE)


def test_the_glossary_explains_each_word_in_a_few_sentences():
    entries = re.findall(r"^### (.+)\n\n(.+)\n", GLOSSARY, re.MULTILINE)
    assert len(entries) == GLOSSARY.count("\n### ") > 80
    assert len({word for word, _ in entries}) == len(entries)
    for word, text in entries:
        assert 1 <= len(re.findall(r"[.?](?: |$)", text)) <= 6, word
