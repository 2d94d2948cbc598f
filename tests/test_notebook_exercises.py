"""The hidden solutions of the notebooks' exercises print what stands below them."""

import contextlib
import io
import json
import re
from pathlib import Path

import keras
import pytest

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="as the notebooks run"),
]

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SOLUTION = re.compile(r"<details><summary>Solution</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
CODE = re.compile(r"^```python\n(.*?)^```\n\n^```text\n(.*?)^```", re.DOTALL | re.MULTILINE)


def texts(path, kind):
    cells = json.loads(path.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == kind]


def solutions():
    for path in NOTEBOOKS:
        for text in texts(path, "markdown"):
            for number, solution in enumerate(SOLUTION.findall(text), start=1):
                yield pytest.param(path, solution, id=f"{path.stem}-{number}")


def test_each_exercise_has_a_solution():
    for path in NOTEBOOKS:
        prose = "\n".join(texts(path, "markdown"))
        exercises = re.findall(r"^\*\*(\d+)\.\*\*", prose, re.MULTILINE)
        assert exercises == [str(number + 1) for number in range(len(SOLUTION.findall(prose)))]
    assert len(list(solutions())) > 5


@pytest.mark.parametrize(("path", "solution"), list(solutions()))
def test_a_solution_prints_what_stands_below_it(path, solution):
    ((code, expected),) = CODE.findall(solution)
    names = {}
    exec(texts(path, "code")[0], names)  # a notebook begins with its imports
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    assert printed.getvalue() == expected
