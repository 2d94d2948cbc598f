"""Sections on what a run achieved where each sample has one class.

`test` holds the test results, as `Evaluation.as_results` returns them.
"""

import numpy as np

from cnnkit.evaluation import Evaluation
from cnnkit.report import attention, calibration, recipe
from cnnkit.report.contents import Contents
from cnnkit.report.headline import headline
from cnnkit.report.markup import (
    beside,
    escape,
    folded,
    interval,
    percent,
    picture,
    scrolling,
    section,
    table,
)
from cnnkit.report.mistakes import worst_mistakes

HEADLINE_CONFUSIONS = 4
MAX_MATRIX_CLASSES = 20  # if there are more, the most frequent confusions are listed instead
HALF_PAGE = 72  # characters in a line of half a page
MAX_CONFUSIONS = 25


def sections(contents: Contents) -> list[str]:
    """Return what the report says about a run whose samples have one class each.

    Args:
        contents: What the report shows.

    Returns:
        HTML, a string a section; "" for one that has nothing to show.
    """
    test = contents.test
    evaluation = contents.evaluation if isinstance(contents.evaluation, Evaluation) else None
    explanations, images = contents.explanations, contents.images
    looks = attention.looks(explanations, evaluation) if explanations and evaluation else ""
    resemblance = (
        attention.resemblance(explanations, evaluation) if explanations and evaluation else ""
    )
    fits = bool(test and _fits_half(test))
    by_class = classes(test) if test else ""
    return [
        headline(contents, verdict(test) if test else "", looks),
        beside(confusion(test) if test else "", by_class if fits else ""),
        worst_mistakes(evaluation, images, _mistake, resemblance) if evaluation else "",
        attention.path(explanations, evaluation) if explanations and evaluation else "",
        attention.robustness(explanations) if explanations else "",
        beside(
            "" if fits else by_class,
            recipe.filters(contents.filters),
            calibration.reliability(evaluation, images) if evaluation else "",
        ),
        attention.film(contents.film) if contents.film else "",
    ]


def verdict(test: dict) -> str:
    """Return how good the network is, and which classes it confuses.

    Args:
        test: The test results.

    Returns:
        HTML.
    """
    wrong = test["samples"] - test["correct"]
    pairs = "".join(
        f"<li><b>{escape(true)}</b> taken for <b>{escape(predicted)}</b> "
        f'<span class="soft">{times:,} of {of:,}</span></li>\n'
        for true, predicted, times, of in _confused(test)[:HEADLINE_CONFUSIONS]
    )
    return f"""<div>
<p class="number">{percent(test["accuracy"], 2)}</p>
<p>test accuracy, 95 % interval {interval(test["accuracy_interval"], 2)}</p>
<p class="soft">{test["correct"]:,} of {test["samples"]:,} test samples are right, {wrong:,} wrong.</p>
</div>
<div>
<h2>Where it is wrong</h2>
{f"<ol>{pairs}</ol>{_weakest(test)}" if wrong else "<p>Nowhere, on these samples.</p>"}
</div>"""


def confusion(test: dict) -> str:
    """Return the confusion matrix, or the most frequent confusions where classes are many.

    Args:
        test: The test results.

    Returns:
        HTML.
    """
    names, matrix = _names(test), np.array(test["confusion_matrix"])
    if len(names) > MAX_MATRIX_CLASSES:
        rows = [
            (true, predicted, f"{times:,}", f"{of:,}", percent(times / of))
            for true, predicted, times, of in _confused(test)[:MAX_CONFUSIONS]
        ]
        caption = f"The {len(rows)} pairs of the {len(names)} classes that are confused most often."
        headings = ("true", "predicted", "times", "of", "rate")
        return section("Confusions", table(caption, headings, rows, text=2))
    rates = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return section(
        "Confusion matrix",
        scrolling(
            "Test samples: a row a true class, a column a predicted class.",
            _matrix(names, rates, matrix.astype(str)),
        ),
        folded(
            "The same as rates",
            scrolling(
                "Per cent of each true class.", _matrix(names, rates, np.char.mod("%.1f", rates))
            ),
        ),
    )


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
            percent(row["recall"]),
            interval(row["recall_interval"]),
            percent(row["precision"]),
            interval(row.get("precision_interval")),
        )
        for row in sorted(test["classes"], key=lambda row: (row["recall"] is None, row["recall"]))
    ]
    caption = (
        "The weakest first. Recall: the part of a class that is found. Precision: the part of what "
        "is called so that is right. Each with its 95 % interval."
    )
    headings = ("class", "samples", "recall", "interval", "precision", "interval")
    return section("Classes", table(caption, headings, rows))


def _fits_half(test: dict) -> bool:
    """Return whether half a page is wide enough for what `confusion` shows."""
    names = _names(test)
    if len(names) > MAX_MATRIX_CLASSES:
        return True  # a list of pairs
    columns = sum(max(len(name), 3) + 2 for name in names)
    return max(map(len, names), default=0) + columns <= HALF_PAGE


def _weakest(test: dict) -> str:
    rows = [row for row in test["classes"] if row["recall"] is not None]
    if len(rows) < 3:  # the confusions of two classes say the same
        return ""
    row = min(rows, key=lambda row: row["recall"])
    return f"<p>Weakest class: <b>{escape(row['name'])}</b>, recall {percent(row['recall'])}.</p>"


def _confused(test: dict) -> list[tuple[str, str, int, int]]:
    """Return (true, predicted, times, samples of the true class), most frequent first."""
    names, matrix = _names(test), np.array(test["confusion_matrix"])
    supports = matrix.sum(axis=1)
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix, axis=None, kind="stable")[: (matrix > 0).sum()]
    return [
        (names[row], names[column], int(matrix[row, column]), int(supports[row]))
        for row, column in zip(*np.unravel_index(order, matrix.shape), strict=True)
    ]


def _mistake(evaluation: Evaluation, index: int, pixels: np.ndarray | None, sample: str) -> str:
    names, chances = evaluation.class_names, evaluation.probabilities[index]
    label, guess = evaluation.labels[index], evaluation.predicted[index]
    true, predicted = escape(names[label]), escape(names[guess])
    sure, chance = percent(float(chances[guess])), percent(float(chances[label]))
    words = f"Test image {index}: {names[label]}, taken for {names[guess]} with {sure}."
    image = "" if pixels is None else picture(pixels, words)
    return (
        f'<li><figure>{image}<figcaption>Taken for <b class="guess">{predicted}</b>, {sure}'
        f"<br>Is <b>{true}</b>, {chance}<br>{sample}"
        f"</figcaption></figure></li>\n"
    )


def _matrix(names: list[str], rates: np.ndarray, texts: np.ndarray) -> str:
    """Return a table of texts, shaded by the rate in per cent."""
    head = "".join(f'<th scope="col" title="{escape(name)}">{escape(name)}</th>' for name in names)
    body = ""
    for row, name in enumerate(names):
        cells = ""
        for column, rate in enumerate(rates[row]):
            kind = "none" if not rate else "miss" if row != column else "hit"
            shade = 0.06 + 0.005 * rate if rate else 0
            cells += f'<td class="{kind}" style="--rate:{shade:.2f}">{texts[row, column]}</td>'
        body += f'<tr><th scope="row" title="{escape(name)}">{escape(name)}</th>{cells}</tr>\n'
    return f'<table class="matrix"><thead><tr><td></td>{head}</tr></thead>\n<tbody>{body}</tbody></table>'


def _names(test: dict) -> list[str]:
    return [row["name"] for row in test["classes"]]
