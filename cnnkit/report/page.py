"""Writes report.html: how good a run is, where it is wrong, and how to repeat it, in one file."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cnnkit import atomic
from cnnkit.errors import RunFolderError
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.evaluation.tasks import MultiLabel, SingleLabel, task_of_results
from cnnkit.report import multi_label, recipe, single_label
from cnnkit.report.contents import Contents
from cnnkit.report.curves import curves
from cnnkit.report.explanations import Explanations
from cnnkit.report.markup import beside, document
from cnnkit.runs import Run

FILES = (
    "experiment", "dataset", "environment", "phases", "status", "results", "history",
    "saved_weights",
)  # fmt: skip
SECTIONS = {SingleLabel: single_label.sections, MultiLabel: multi_label.sections}


def write(
    run: Run,
    evaluation: Evaluation | MultiLabelEvaluation | None,
    *,
    images: np.ndarray | None = None,
    filters: np.ndarray | None = None,
    explanations: Explanations | None = None,
    film: Mapping[int, np.ndarray] | None = None,
) -> Path:
    """Write the run's report.html.

    Everything else comes from the run folder; the report leaves out what is missing there. The
    file needs no network connection and contains no script.

    Args:
        run: The run to report on.
        evaluation: Evaluation of the test split. None for a run that was not tested, or to rewrite
            the report from its folder; the mistakes are then left out.
        images: The test inputs, shape (samples, height, width, channels), of any range: an array,
            or anything with `images[indices] -> array`. None where inputs are no pictures.
        filters: Kernel of the first convolution, shape (height, width, in, out), or None.
        explanations: What `explain_samples` returns for the same evaluation, or None.
        film: Pictures by epoch, uint8, shape (height, width, 3), or None.

    Returns:
        The path of the report.
    """
    files = {name: _read(run, name) or {} for name in FILES}
    test = evaluation.as_results() if evaluation else files["results"].get("test")
    sections = SECTIONS[type(task_of_results(test))]
    seconds = _read(run, "seconds") or None
    contents = Contents(files, test, seconds, evaluation, images, filters, explanations, film)
    first, *others = sections(contents)
    made = beside(recipe.recipe(files), recipe.making(run, contents))
    parts = [first, curves(contents), *others, made]
    names = files["experiment"].get("experiment", "A run"), run.name
    path = run.folder / "report.html"
    atomic.write_text(path, document(": ".join(names), parts))
    return path


def _read(run: Run, name: str):
    try:
        return getattr(run, name)
    except RunFolderError:  # a run that failed early, or whose folder was tidied up since
        return {}
