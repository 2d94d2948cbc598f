"""What a run achieved: how good it is, where it is wrong, class by class.

`test` is what results.json says about the test split: `Evaluation.as_results()`.
"""

import numpy as np

from cnnkit import plots
from cnnkit.evaluation import Evaluation
from cnnkit.report.markup import (
    duration,
    escape,
    interval,
    more,
    percent,
    picture,
    scrolling,
    section,
    table,
)

WORST = 12  # mistakes shown
CONFUSIONS = 4  # pairs named in the headline
LARGEST_MATRIX = 20  # classes up to which the whole confusion matrix is a table
MOST_PAIRS = 25  # confusions listed beyond that
UNFINISHED = {
    "interrupted": "This run was interrupted",
    "failed": "This run failed",
    "running": "This run has not finished",
}


def headline(known: dict, verdict: str, looks: str = "") -> str:
    """How good, where wrong, what it looks at, and at what cost: the first screen.

    known: the run folder's files by name, such as known["experiment"], each {} if it is missing.
    verdict: how good and where wrong, "" for a run that was not tested. looks: what it looks at.
    """
    recipe = known["experiment"]
    answers = verdict or _unfinished(known["status"])
    figures = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value in _figures(known).items()
    )
    return f"""<header>
<h1>{escape(recipe.get("experiment", "A run"))}</h1>
<p class="soft">{escape(recipe.get("description", ""))}</p>
<div class="answers">
{answers}
{looks}
</div>
<dl>{figures}</dl>
</header>"""


def verdict(test: dict) -> str:
    """How good, and what is taken for what."""
    wrong = test["samples"] - test["correct"]
    pairs = "".join(
        f"<li><b>{escape(true)}</b> taken for <b>{escape(predicted)}</b> "
        f'<span class="soft">{times:,} of {of:,}</span></li>\n'
        for true, predicted, times, of in _confused(test)[:CONFUSIONS]
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
    """Which class is taken for which: all of it, or the most frequent where classes are many."""
    names, matrix = _names(test), np.array(test["confusion_matrix"])
    if len(names) > LARGEST_MATRIX:
        rows = [
            (true, predicted, f"{times:,}", f"{of:,}", percent(times / of))
            for true, predicted, times, of in _confused(test)[:MOST_PAIRS]
        ]
        caption = f"The {len(rows)} pairs of the {len(names)} classes that are confused most often."
        headings = ("true", "predicted", "times", "of", "rate")
        return section("Confusions", table(caption, headings, rows, text=2))
    rates = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return section(
        "Confusion matrix",
        scrolling(
            "Test samples: a row a true class, a column what the network said.",
            _matrix(names, rates, matrix.astype(str)),
        ),
        more(
            "The same as rates",
            scrolling(
                "Per cent of each true class.", _matrix(names, rates, np.char.mod("%.1f", rates))
            ),
        ),
    )


def mistakes(evaluation: Evaluation, images, resemblance: str = "") -> str:
    """The wrong answers that the network was surest of, as pictures where inputs are pictures.

    resemblance: what to say of them further.
    """
    worst = evaluation.worst_mistakes(WORST)
    if not len(worst):
        return ""
    shown = plots.pixels(images[worst]) if images is not None else [None] * len(worst)
    items = "".join(
        _mistake(evaluation, index, image) for index, image in zip(worst, shown, strict=True)
    )
    return section("Worst mistakes", f'<ul class="pictures">\n{items}</ul>', resemblance)


def classes(test: dict) -> str:
    """How good each class is, the weakest first."""
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


def _weakest(test: dict) -> str:
    rows = [row for row in test["classes"] if row["recall"] is not None]
    if len(rows) < 3:  # of two classes, the confusions have said it
        return ""
    row = min(rows, key=lambda row: row["recall"])
    return f"<p>Weakest class: <b>{escape(row['name'])}</b>, recall {percent(row['recall'])}.</p>"


def _unfinished(status: dict) -> str:
    words = UNFINISHED.get(status.get("state"), "This run was not tested")
    words += f" after epoch {status['epoch']}" if status.get("epoch") else ""
    words += f": {status['reason']}" if status.get("reason") else ""
    return f'<p class="unfinished">{escape(words.rstrip("."))}.</p>'


def _figures(known: dict) -> dict[str, str]:
    model, results = known["experiment"].get("model", {}), known["results"]
    validation, timing = results.get("validation") or {}, results.get("timing", {})
    figures = {}
    if known["dataset"]:
        figures["data"] = known["dataset"]["name"]
    if model:
        figures["network"] = f"{model['name']}, {model['parameters']:,} parameters"
    for name in ("accuracy", "average_precision"):
        if validation.get(name) is not None:
            best = percent(validation[name], 2)
            words = f"validation {name.replace('_', ' ')}"
            figures[words] = f"{best} at epoch {validation['epoch']}"
    if timing:
        epochs = len(timing.get("epoch_seconds", ()))
        spent = duration(timing["training_seconds"])
        figures["training"] = f"{epochs} epochs in {spent}" if epochs else spent
    return figures


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


def _mistake(evaluation: Evaluation, index: int, pixels: np.ndarray | None) -> str:
    names, chances = evaluation.class_names, evaluation.probabilities[index]
    label, guess = evaluation.labels[index], evaluation.predicted[index]
    true, predicted = escape(names[label]), escape(names[guess])
    sure, chance = percent(float(chances[guess])), percent(float(chances[label]))
    words = f"Test image {index}: {names[label]}, taken for {names[guess]} with {sure}."
    image = "" if pixels is None else picture(pixels, words)
    return (
        f'<li><figure>{image}<figcaption>Taken for <b class="guess">{predicted}</b>, {sure}'
        f"<br>Is <b>{true}</b>, {chance}<br><small>test sample {index}</small>"
        f"</figcaption></figure></li>\n"
    )


def _matrix(names: list[str], rates: np.ndarray, said: np.ndarray) -> str:
    """Return a table of what is said in each cell, shaded by the rate in per cent."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = ""
    for row, name in enumerate(names):
        cells = ""
        for column, rate in enumerate(rates[row]):
            kind = "none" if not rate else "miss" if row != column else "hit"
            shade = 0.06 + 0.005 * rate if rate else 0
            cells += f'<td class="{kind}" style="--rate:{shade:.2f}">{said[row, column]}</td>'
        body += f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>\n'
    return f'<table class="matrix"><thead><tr><td></td>{head}</tr></thead>\n<tbody>{body}</tbody></table>'


def _names(test: dict) -> list[str]:
    return [row["name"] for row in test["classes"]]
