"""report.html: one file that tells how good a run is, where it is wrong, and how to do it again."""

from collections.abc import Mapping
from pathlib import Path
from string import Template

import numpy as np

from cnnkit.errors import RunFolderError
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.report import attention, certainty, multi_label, recipe, results
from cnnkit.report.markup import escape
from cnnkit.report.views import Views, look
from cnnkit.runs import Run, atomic

__all__ = ["Views", "look", "write"]

HERE = Path(__file__).parent
READ = ("experiment", "dataset", "environment", "phases", "status", "results", "history")


def write(
    run: Run,
    evaluation: Evaluation | MultiLabelEvaluation | None,
    images: np.ndarray | None = None,
    filters: np.ndarray | None = None,
    views: Views | None = None,
    film: Mapping[int, np.ndarray] | None = None,
) -> Path:
    """Write the run's report.html and return its path.

    evaluation: of the test split; None for a run that was never tested, or to write the report
        anew from its folder, without the mistakes.
    images: the test inputs, shape (samples, height, width, channels), of any range, an array or
        anything with `images[indices] -> array`; None where inputs are no pictures.
    filters: the first convolution's kernel, shape (height, width, in, out), or None.
    views: what `look` returns for the same evaluation, or None to leave out what it looks at.
    film: pictures of what was learnt by epoch, uint8, shape (height, width, 3), or None.

    The rest is read from the run folder; what is missing there is left out. The file needs no
    network and holds no script.
    """
    known = {name: _read(run, name) for name in READ}
    test = evaluation.as_results() if evaluation else known["results"].get("test")
    achieved = _several if multi_label.describes(test) else _single
    parts = [
        *achieved(known, test, evaluation, images, filters, views, film),
        recipe.recipe(known),
        recipe.curves(known["history"]),
        recipe.making(run, known),
    ]
    names = known["experiment"].get("experiment", "A run"), run.name
    page = Template((HERE / "page.html").read_text()).substitute(
        title=escape(": ".join(names)),
        style=(HERE / "style.css").read_text(),
        body="\n".join(part for part in parts if part),
    )
    path = run.folder / "report.html"
    atomic.write_text(path, page)
    return path


def _single(known, test, evaluation, images, filters, views, film) -> list[str]:
    """Return what was achieved where a sample has one class."""
    verdict = results.verdict(test) if test else ""
    looks = attention.looks(views, evaluation) if views else ""
    resemblance = attention.resemblance(views, evaluation) if views else ""
    return [
        results.headline(known, verdict, looks),
        results.confusion(test) if test else "",
        results.mistakes(evaluation, images, resemblance) if evaluation else "",
        attention.path(views, evaluation) if views else "",
        attention.robustness(views) if views else "",
        recipe.filters(filters),
        attention.film(film) if film else "",
        certainty.calibration(evaluation, images) if evaluation else "",
        results.classes(test) if test else "",
    ]


def _several(known, test, evaluation, images, filters, views, film) -> list[str]:
    """Return what was achieved where a sample may have several classes."""
    return [
        results.headline(known, multi_label.verdict(test)),
        multi_label.mistakes(evaluation, images, results.WORST) if evaluation else "",
        multi_label.classes(test),
        recipe.filters(filters),
    ]


def _read(run: Run, name: str) -> dict:
    try:
        return getattr(run, name)
    except RunFolderError:  # a run that broke down early, or was tidied up since
        return {}
