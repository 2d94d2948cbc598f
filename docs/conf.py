"""Sphinx builds the documentation site from README, docs, notebooks and docstrings: `make docs`.

The root of the checkout is the source folder, so that one link works on the site and in the files.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import reference  # noqa: E402  (beside this file)

project = "cnnkit"
author = "the cnnkit authors"
copyright = author
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["docs/**", "notebooks/*.ipynb", "CHANGELOG.md", "CONTRIBUTING.md", "README.md"]
exclude_patterns = [
    ".*", "build", "runs", "docs/runs", "notebooks/runs", "explorer", "cnnkit", "tests",
    "**/.ipynb_checkpoints", "**/__pycache__",
]  # fmt: skip

# `make notebooks` executes them, two at a time, and `show_executed` takes what it wrote.
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # Its default loads scripts from the network.
myst_heading_anchors = 4
myst_links_external_new_tab = False

# Docstrings put code between single backticks, as Markdown does.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_ivar = True
suppress_warnings = ["ref.python"]  # "shape" in a docstring is a word, and an attribute of several.

html_theme = "furo"
html_title = "cnnkit"
html_extra_path = ["site_root"]
html_copy_source = False
html_show_search_summary = False  # A page opened from a file may not read others for it.


def escape(application, what, name, thing, options, lines):
    """Let a star or a bar in a docstring be itself: it is plain text with code in backticks."""
    in_doctest = False
    for number, line in enumerate(lines):
        in_doctest = line.lstrip().startswith(">>>") or (in_doctest and line.strip() != "")
        if not in_doctest:
            parts = re.split(r"(`[^`]*`)", line)
            parts[::2] = [re.sub(r"(?<!\\)([*|]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
            lines[number] = "".join(parts)


def show_executed(application, name, source):
    """Show a notebook with its outputs, if it was executed as it stands."""
    executed = ROOT / "build" / f"{name}.ipynb"
    if name.startswith("notebooks/") and executed.exists():
        shown = json.loads(executed.read_text())
        if _sources(shown) == _sources(json.loads(source[0])):
            for cell in shown["cells"]:
                if cell["cell_type"] == "code":
                    cell["outputs"] = _settled(cell["outputs"])
            source[0] = json.dumps(shown)


def _sources(notebook):
    return ["".join(cell["source"]) for cell in notebook["cells"]]


def _settled(outputs):
    """Return outputs as a reader wants them: a progress bar's last state, and no log messages."""
    shown = []
    for output in outputs:
        if output["output_type"] != "stream":
            shown.append(output)
        elif output["name"] == "stdout":
            if not shown or shown[-1]["output_type"] != "stream":
                shown.append(output | {"text": ""})
            shown[-1]["text"] += "".join(output["text"])
    for output in shown:
        if output["output_type"] == "stream":
            lines = re.sub(r"\x1b\[[\d;]*m", "", output["text"]).split("\n")
            lines = [re.sub(r".*[\b\r](?=.)", "", line) for line in lines]
            lines = [line for line in lines if not line.startswith("WARNING:tensorflow:")]
            output["text"] = "\n".join(lines)
    return shown


def notebooks(application, environment, *changes):
    """Name the pages whose outputs may have changed, though their own files have not."""
    return [name for name in environment.found_docs if name.startswith("notebooks/")]


def setup(application):
    """Write the pages of the reference before Sphinx looks for pages."""
    application.connect("config-inited", lambda *_: reference.write(ROOT / "docs/reference"))
    application.connect("env-get-outdated", notebooks)
    application.connect("source-read", show_executed)
    application.connect("autodoc-process-docstring", escape, priority=900)  # after napoleon
