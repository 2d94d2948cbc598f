"""The page and the files on what a trained model is worth on some data."""

from pathlib import Path

from matplotlib import style

from cnnkit import atomic, plots
from cnnkit.errors import SettingError
from cnnkit.evaluation import Evaluated, Evaluation, Measure
from cnnkit.report import single_label
from cnnkit.report.calibration import reliability
from cnnkit.report.markup import (
    document,
    drawing,
    escape,
    folded,
    interval,
    percent,
    section,
    table,
)

NOT_RATES = ("loss",)  # measures that are no numbers from 0 to 1
SENTENCES = {
    "accuracy": "The part of the samples whose most probable class is right.",
    "top_5_accuracy": "The part whose class is among the five most probable ones.",
    "balanced_accuracy": "The mean over classes, so that rare ones count as much as frequent ones.",
    "exact_match": "The part of the samples of which all classes are right.",
    "label_accuracy": "The part of all labels that is right.",
    "loss": "Cross-entropy, in nats.",
    "f1_macro": "The harmonic mean of precision and recall, averaged over classes.",
    "f1_micro": "The same over all labels together.",
    "roc_area": "Area under the ROC curve of a class against all others, averaged over classes.",
    "mean_average_precision": "Area under the precision-recall curve, averaged over classes.",
    "calibration_error": "The mean gap between confidence and accuracy; 0 is best.",
}


def evaluation_page(evaluated: Evaluated) -> str:
    """Return a page that needs no network connection and contains no script.

    Args:
        evaluated: What to show.

    Returns:
        HTML.
    """
    measures = evaluated.measures
    curves = _curves(evaluated)
    closest = ""
    if isinstance(measures.evaluation, Evaluation) and len(measures.classes) > 1:
        closest = reliability(measures.evaluation, None)
    matrix = measures.evaluation.confusion_matrix
    confusions = ""
    if matrix is not None:
        confusions = single_label.confusion(measures.evaluation.as_results())
    parts = [_headline(evaluated), _overall(evaluated), confusions, _classes(evaluated),
             curves, closest or _calibration(evaluated)]  # fmt: skip
    return document(f"{evaluated.model} on {evaluated.data}", parts)


def write_evaluation(evaluated: Evaluated, folder: Path) -> list[Path]:
    """Write evaluation.json, evaluation.html and the pictures.

    Args:
        evaluated: What to write.
        folder: Where to; it is made if it is missing.

    Returns:
        The files.

    Raises:
        SettingError: They cannot be written.
    """
    pictures = {f"{name}.png": plots.png(figure) for name, figure in figures(evaluated).items()}
    paths = [folder / name for name in ("evaluation.json", "evaluation.html", *pictures)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_json(paths[0], evaluated.as_json())
        atomic.write_text(paths[1], evaluation_page(evaluated))
        for path in paths[2:]:
            atomic.write_bytes(path, pictures[path.name])
    except OSError as error:
        raise SettingError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return paths


def figures(evaluated: Evaluated) -> dict:
    """Return the pictures by name: both kinds of curves, calibration and, if there is one, the confusion matrix.

    Args:
        evaluated: What to draw.

    Returns:
        Matplotlib figures.
    """
    measures = evaluated.measures
    matrix = measures.evaluation.confusion_matrix
    with style.context("default"):  # a notebook's dark style would be white ink on white paper
        drawn = {
            "roc": plots.roc_curves({each.name: each.roc for each in measures.classes}),
            "precision_recall": plots.precision_recall_curves(
                {each.name: each.precision_recall for each in measures.classes}
            ),
            "calibration": plots.reliability_diagram(measures.reliability),
        }
        if matrix is not None:
            names = [each.name for each in measures.classes]
            drawn["confusion"] = plots.confusion_matrix(matrix, names)
    return drawn


def shown(name: str, measure: Measure, digits: int = 2) -> tuple[str, str]:
    """Return a measure and its interval in words.

    Args:
        name: Of the measure; a loss is no percentage.
        measure: The measure.
        digits: Number of decimals of a percentage.

    Returns:
        (value, interval); a dash for what is not known.
    """
    if name not in NOT_RATES:
        return percent(measure.value, digits), interval(measure.interval, digits)
    value = "–" if measure.value is None else f"{measure.value:.4f}"
    ends = measure.interval
    return value, "–" if ends is None else f"{ends[0]:.4f} to {ends[1]:.4f}"


def _headline(evaluated: Evaluated) -> str:
    name, first = next(iter(evaluated.measures.overall.items()))
    value, ends = shown(name, first)
    notes = "".join(f"<p>{escape(line)}</p>\n" for line in evaluated.notes())
    words = name.replace("_", " ")
    return f"""<header>
<h1>{escape(evaluated.model)} on {escape(evaluated.data)}</h1>
<p class="soft">{evaluated.measures.samples:,} samples: {escape(evaluated.split)}</p>
<div class="answers"><div>
<p class="number">{value}</p>
<p>{escape(words)}, 95 % interval {ends}</p>
{notes}</div></div>
</header>"""


def _overall(evaluated: Evaluated) -> str:
    measures = evaluated.measures
    rows = [
        (name.replace("_", " "), SENTENCES.get(name, ""), *shown(name, each), each.method)
        for name, each in measures.overall.items()
    ]
    caption = (
        "95 % intervals: Wilson's for proportions; else percentiles of the bootstrap, which drew "
        f"{measures.resamples:,} times from seed {measures.seed}."
    )
    headings = ("measure", "meaning", "value", "interval", "by")
    return section("All classes", table(caption, headings, rows, text=2))


def _classes(evaluated: Evaluated) -> str:
    names = ("recall", "precision", "f1", "roc_area", "average_precision")
    rows = [
        (
            each.name,
            f"{each.support:,}",
            *(text for name in names for text in shown(name, each.measures[name], 1)),
        )
        for each in sorted(
            evaluated.measures.classes,
            key=lambda row: (not row.support, row.measures["recall"].value or 0),
        )
    ]
    headings = ["class", "samples"]
    for name in ("recall", "precision", "F1", "ROC area", "average precision"):
        headings += [name, "interval"]
    listing = table("The weakest first, each with its 95 % interval.", headings, rows)
    return section("Classes", listing if len(rows) <= 30 else folded("All classes", listing))


def _curves(evaluated: Evaluated) -> str:
    drawn = figures(evaluated)
    words = {
        "roc": "ROC curves of each class against all others",
        "precision_recall": "Precision-recall curves of each class",
    }
    shown_curves = "".join(drawing(drawn[name], name, text) for name, text in words.items())
    caption = (
        "First, each class against all others, as the threshold falls: the best curve goes through the "
        "upper left corner, and guessing follows the dashed line. Then precision: the best curve goes through "
        "the upper right corner."
    )
    return section("Curves", f'<p>{caption}</p>\n<div class="curves">{shown_curves}</div>')


def _calibration(evaluated: Evaluated) -> str:
    error = evaluated.measures.reliability.expected_calibration_error
    words = f"Expected calibration error over all labels: {percent(error)}."
    drawn = drawing(figures(evaluated)["calibration"], "reliability", f"Reliability. {words}")
    return section("Calibration", f'<p>{words}</p>\n<div class="curves">{drawn}</div>')
