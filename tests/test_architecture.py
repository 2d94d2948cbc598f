"""The shape of the code: no circles, few late imports, short files, a picture that is true."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

grimp = pytest.importorskip("grimp", reason="grimp comes with the extra `lint`")

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "cnnkit").rglob("*.py"))


def imports_inside_functions(path):
    """The lines of a file's imports that run when a function is called."""
    text = path.read_text()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    within = {
        (node.lineno, node.end_lineno)
        for function in ast.walk(ast.parse(text))
        if isinstance(function, functions)
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    lines = text.splitlines()
    return [(number, lines[number - 2 : last]) for number, last in sorted(within)]


def test_no_file_imports_itself_over_others():
    # Imports inside functions and for type checkers count, too.
    graph = grimp.build_graph("cnnkit", exclude_type_checking_imports=False)
    order = graphlib.TopologicalSorter(
        {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    )
    order.prepare()  # raises CycleError, which names the circle


def test_few_imports_stand_inside_functions_and_each_says_why():
    late = {path: imports_inside_functions(path) for path in FILES}
    assert sum(map(len, late.values())) < 40
    for path, found in late.items():
        for number, lines in found:
            assert any("#" in line for line in lines), f"{path}:{number} gives no reason"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short(path):
    assert len(path.read_text().splitlines()) <= 300


def test_the_picture_of_the_design_is_that_of_the_code(tmp_path):
    code = (
        "import pathlib, sys; sys.path.insert(0, 'docs'); import draw_design; "
        "draw_design.draw(pathlib.Path(sys.argv[1]))"
    )
    drawn = tmp_path / "design.svg"
    subprocess.run([sys.executable, "-c", code, str(drawn)], cwd=ROOT, check=True)
    assert _arrows(drawn) == _arrows(ROOT / "docs" / "design.svg"), "run `make design`"


def _arrows(picture):
    """How many arrows and which rooms a picture has; fonts and versions may move the rest."""
    text = picture.read_text()
    return text.count('id="patch_'), sorted(
        line.strip() for line in text.splitlines() if line.strip().startswith("<!--")
    )
