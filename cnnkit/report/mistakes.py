"""The worst mistakes of a run, as pictures where inputs are pictures."""

from collections.abc import Callable

import numpy as np

from cnnkit import plots
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.report.markup import escape, section

WORST = 12  # mistakes shown


def worst_mistakes(
    evaluation: Evaluation | MultiLabelEvaluation,
    images,
    describe: Callable[..., str],
    resemblance: str = "",
) -> str:
    """Return the section of the wrong answers with the highest loss.

    Args:
        evaluation: Of the test split.
        images: The test inputs, as `report.write` takes them.
        describe: Called with the evaluation, the index of a sample, its pixels (uint8, or None
            where inputs are no pictures) and what `sample_name` returns; returns a list item as HTML.
        resemblance: HTML that follows the list.

    Returns:
        HTML; "" where no answer is wrong.
    """
    worst = evaluation.worst_mistakes(WORST)
    if not len(worst):
        return ""
    shown: list[np.ndarray | None] | np.ndarray = [None] * len(worst)
    if images is not None:
        shown = plots.to_uint8(images[worst])
    items = "".join(
        describe(evaluation, index, pixels, sample_name(images, index))
        for index, pixels in zip(worst, shown, strict=True)
    )
    return section("Worst mistakes", f'<ul class="pictures">\n{items}</ul>', resemblance)


def sample_name(images, sample: int) -> str:
    """Return which test sample it is, with the path of its file where it has one.

    Args:
        images: The test inputs, as `report.write` takes them; those read from files have `paths`.
        sample: Its index in the test split.

    Returns:
        HTML.
    """
    paths = getattr(images, "paths", None)
    path = "" if paths is None else f"<br>{escape(paths[sample])}"
    return f"<small>test sample {sample}{path}</small>"
