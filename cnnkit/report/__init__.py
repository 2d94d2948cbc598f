"""report.html: one file that tells how good a run is, where it is wrong, and how to do it again."""

from pathlib import Path
from string import Template

import numpy as np

from cnnkit.report import sections
from cnnkit.runs import Evaluation, Run, atomic

HERE = Path(__file__).parent


def write(
    run: Run,
    evaluation: Evaluation,
    images: np.ndarray | None = None,
    filters: np.ndarray | None = None,
) -> Path:
    """Write the run's report.html and return its path.

    evaluation: of the test split. images: the test inputs, shape (samples, height, width,
    channels), uint8 or floats, or None where inputs are no pictures. filters: the first
    convolution's kernel, shape (height, width, in, out), or None.
    The rest is read from the run folder. The file needs no network and holds no script.
    """
    recipe = run.experiment
    parts = [
        sections.headline(run, evaluation),
        sections.recipe(recipe, run.dataset),
        sections.curves(run.history),
        sections.confusion(evaluation),
        sections.mistakes(evaluation, images),
        sections.filters(filters),
        sections.classes(evaluation),
        sections.network(recipe["model"]),
        sections.environment(run),
    ]
    page = Template((HERE / "page.html").read_text()).substitute(
        title=sections.escape(f"{recipe['experiment']}: {recipe['description']}"),
        style=(HERE / "style.css").read_text(),
        body="\n".join(part for part in parts if part),
    )
    path = run.folder / "report.html"
    atomic.write_text(path, page)
    return path
