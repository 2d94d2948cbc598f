"""The table of concepts leads to cells that run, and to commands and functions that are there."""

import json
import re
from pathlib import Path

import pytest

from cnnkit.cli import main

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/explanation/concepts.md"
ROWS = re.findall(
    r"^\| (?!concept |---)(.+?) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE
)
LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)#([\w-]+)\)")


def slug(heading):
    """The anchor that GitHub and MyST make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def cells_of(page):
    """The cells of a notebook; of a page, its blocks of code and what stands between them."""
    if page.suffix == ".ipynb":
        return json.loads(page.read_text())["cells"]
    parts = re.split(r"^```.*\n", page.read_text(), flags=re.MULTILINE)
    return [
        {"cell_type": ("markdown", "code")[number % 2], "source": [part]}
        for number, part in enumerate(parts)
    ]


def sections(page):
    """By anchor of each section: whether something in it runs."""
    found, current = {}, None
    for cell in cells_of(page):
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            if current:
                found[current] = True
            continue
        for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
            current = slug(heading)
            found[current] = False
        if "```python" in text:  # the solution of an exercise, which another test executes
            found[current] = True
    return found


def test_the_table_has_the_concepts_of_the_articles_once_each():
    concepts = [concept for concept, *_ in ROWS]
    assert len(concepts) == len(set(concepts)) >= 45


@pytest.mark.parametrize(("concept", "shown", "tried"), ROWS, ids=[row[0] for row in ROWS])
def test_a_concept_is_shown_by_something_that_runs(concept, shown, tried):
    links = LINK.findall(shown)
    assert links
    assert re.sub(LINK, "", shown).strip(", ") == ""  # nothing but links
    for path, anchor in links:
        assert sections((PAGE.parent / path).resolve())[anchor], f"nothing runs in {anchor}"
    (code,) = re.findall(r"^`([^`]+)`$", tried)
    # test_named_commands parses the commands, and test_public_names looks the functions up.
    command = re.match(r"cnnkit ([\w-]+)( |$)", code)
    if command:
        assert command[1] in main.list_commands(None)
    else:
        assert re.fullmatch(r"(data|explain|models)(\.\w+)+", code)
