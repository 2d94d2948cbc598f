import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def cells(request):
    return json.loads(request.param.read_text())["cells"]


def test_is_stored_without_outputs(cells):
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_uses_the_public_interface_alone(cells):
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    imported = re.findall(r"^(?:from|import) (cnnkit[\w.]*)", text, re.MULTILINE)
    assert imported
    assert set(imported) == {"cnnkit"}
    assert not re.search(r"\._[a-z]", text)


def test_tells_a_story(cells):
    assert cells[0]["cell_type"] == "markdown"
    kinds = [cell["cell_type"] for cell in cells]
    assert kinds.count("markdown") * 2 >= kinds.count("code")


def test_keras_is_imported_without_the_log_lines_of_tensorflow(cells):
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    before, quietly, _ = code.partition("keras = cnnkit.import_keras()")
    assert quietly
    assert not re.search(r"^\s*(import|from) (keras|tensorflow)", code, re.MULTILINE)
    assert not re.search(r"\w\(", before)  # nothing is called that would import it
