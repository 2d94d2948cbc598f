"""Every dotted name that the documents promise is there, in a process that has imported nothing."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cnnkit

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
PACKAGES = [name for name in cnnkit.__all__ if (ROOT / "cnnkit" / name).is_dir()]
NAME = re.compile(
    rf"(?<![\w./-])((?:cnnkit\.)?(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+)(?![\w/-])"
)
OURS = re.compile(r"(?<![\w./-])(cnnkit(?:\.[A-Za-z_]\w*)+)(?![\w/-])")


def documents():
    """The texts that users read: README, docs, notebooks and experiments."""
    yield from ROOT.glob("*.md")
    yield from (ROOT / "docs").rglob("*.md")
    yield from (ROOT / "notebooks").glob("*.ipynb")
    yield from (ROOT / "experiments").glob("*.py")


def code_of(path):
    """What of a document is code."""
    text = path.read_text()
    if path.suffix == ".py":
        return text
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        prose = "\n".join("".join(each["source"]) for each in cells if each["cell_type"] != "code")
        return "\n".join([*code, *re.findall(r"`[^`\n]+`", prose)])
    return "\n".join(re.findall(r"```python\n.*?```|`[^`\n]+`", text, re.DOTALL))


def names():
    """Each dotted name with the first document that has it."""
    found = {}
    for path in documents():
        code = code_of(path)
        local = set(re.findall(r"^\s*(\w+) = ", code, re.MULTILINE))
        for name in [*NAME.findall(code), *OURS.findall(code)]:
            first = name.split(".")[0]
            name = name.removeprefix("cnnkit.")
            if name.split(".")[0] == "cli":  # the command line is no library
                continue
            if first not in local and not re.search(
                r"\.(py|md|png|svg|html|json|csv|txt|toml|cfg)$", name
            ):
                found.setdefault(name.removeprefix("cnnkit."), path.name)
    return found


RESOLVE = """
import json, sys
import cnnkit
missing = {}
for name, document in json.load(sys.stdin).items():
    found = cnnkit
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            missing[name] = [document, str(error)]
            break
print("MISSING", json.dumps(missing))
"""


def test_every_public_name_of_the_documents_is_there():
    found = names()
    assert len(found) > 20
    done = subprocess.run(
        [sys.executable, "-c", RESOLVE],
        input=json.dumps(found), capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.rsplit("MISSING", 1)[1]) == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_tab_offers_what_a_package_exports(package):
    face = getattr(cnnkit, package)
    assert set(face.__all__) <= set(dir(face))
    assert all(not name.startswith("_") for name in face.__all__)
    assert face.__doc__


def test_help_shows_the_packages():
    shown = subprocess.run(
        [sys.executable, "-c", "import cnnkit; help(cnnkit)"],
        capture_output=True, text=True, cwd=ROOT, check=True,
    ).stdout  # fmt: skip
    for package in PACKAGES:
        assert package in shown
