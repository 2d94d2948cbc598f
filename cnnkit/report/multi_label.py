"""Sections on what a run achieved where a sample may have several classes.

`test` holds the test results, as `MultiLabelEvaluation.as_results` returns them.
"""

import numpy as np

from cnnkit.evaluation import MultiLabelEvaluation
from cnnkit.report import recipe
from cnnkit.report.contents import Contents
from cnnkit.report.headline import headline
from cnnkit.report.markup import beside, escape, interval, percent, picture, section, table
from cnnkit.report.mistakes import worst_mistakes

HEADLINE_CLASSES = 4  # the weakest


def sections(contents: Contents) -> list[str]:
    """Return what the report says about a run whose samples may have several classes.

    Args:
        contents: What the report shows.

    Returns:
        HTML, a string a section; "" for one that has nothing to show.
    """
    test, evaluation = contents.test or {}, contents.evaluation
    return [
        headline(contents, verdict(test)),
        worst_mistakes(evaluation, contents.images, _mistake) if evaluation else "",
        beside(classes(test), recipe.filters(contents.filters)),
    ]


def verdict(test: dict) -> str:
    """Return how good the network is, and its weakest classes.

    Args:
        test: The test results.

    Returns:
        HTML.
    """
    rows = [row for row in _weakest_first(test) if (row["average_precision"] or 1) < 1]
    weakest = "".join(
        f"<li><b>{escape(row['name'])}</b> {percent(row['average_precision'])} "
        f'<span class="soft">in {row["support"]:,} of {test["samples"]:,}</span></li>\n'
        for row in rows[:HEADLINE_CLASSES]
    )
    return f"""<div>
<p class="number">{percent(test["mean_average_precision"], 2)}</p>
<p>mean average precision on the test samples</p>
<p class="soft">All classes are right in {test["correct"]:,} of {test["samples"]:,} test samples:
{percent(test["exact_match"], 2)}, 95 % interval {interval(test["exact_match_interval"], 2)}.
F1 at 0.5: {percent(test["f1_micro"])} over all labels, {percent(test["f1_macro"])} on average over
classes.</p>
</div>
<div>
<h2>Where it is weakest</h2>
{f"<ol>{weakest}</ol>" if rows else "<p>Nowhere, on these samples.</p>"}
</div>"""


def classes(test: dict) -> str:
    """Return a table of the classes, the weakest first.

    Args:
        test: The test results.

    Returns:
        HTML.
    """
    rows = [
        (
            row["name"],
            f"{row['support']:,}",
            percent(row["average_precision"]),
            percent(row["f1"]),
            percent(row["recall"]),
            interval(row["recall_interval"]),
            percent(row["precision"]),
            interval(row["precision_interval"]),
        )
        for row in _weakest_first(test)
    ]
    caption = (
        "The weakest first. Average precision: the mean precision over all thresholds at which one "
        "more sample of the class is found. The others are at 0.5. Recall: the part of a class that "
        "is found; precision: the part of what is called so that is right, each with its 95 % "
        "interval; F1 is their harmonic mean."
    )
    headings = (
        "class", "samples", "average precision", "F1", "recall", "interval", "precision", "interval",
    )  # fmt: skip
    return section("Classes", table(caption, headings, rows))


def _weakest_first(test: dict) -> list[dict]:
    def key(row):
        return row["average_precision"] is None, row["average_precision"]

    return sorted(test["classes"], key=key)


def _mistake(
    evaluation: MultiLabelEvaluation, index: int, pixels: np.ndarray | None, sample: str
) -> str:
    true, predicted = evaluation.labels[index] > 0, evaluation.predicted[index]
    lines = [
        f"{word} {_named(evaluation, index, chosen)}"
        for word, chosen in (("Missed", true & ~predicted), ("Not there", predicted & ~true))
        if chosen.any()
    ]
    words = f"Test image {index}: has {evaluation.true_name(index)}, predicted {evaluation.predicted_name(index)}."
    image = "" if pixels is None else picture(pixels, words)
    return (
        f"<li><figure>{image}<figcaption>{'<br>'.join(lines)}"
        f"<br>Has <b>{escape(evaluation.true_name(index))}</b><br>{sample}"
        f"</figcaption></figure></li>\n"
    )


def _named(evaluation: MultiLabelEvaluation, index: int, chosen: np.ndarray) -> str:
    chances = evaluation.probabilities[index]
    return ", ".join(
        f'<b class="guess">{escape(evaluation.class_names[n])}</b> {percent(float(chances[n]))}'
        for n in np.flatnonzero(chosen)
    )
