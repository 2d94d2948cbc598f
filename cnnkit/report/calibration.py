"""The section on calibration: how far the probabilities of the network can be trusted."""

from matplotlib import style

from cnnkit import plots
from cnnkit.evaluation import Evaluation
from cnnkit.report.markup import drawing, escape, folded, percent, picture, section
from cnnkit.report.mistakes import sample_name

CLOSEST = 8


def reliability(evaluation: Evaluation, images) -> str:
    """Return the section on calibration: confidence against accuracy, and the closest calls.

    Args:
        evaluation: Of the test split.
        images: The test inputs, as `report.write` takes them.

    Returns:
        HTML.
    """
    diagram, confidence = evaluation.reliability, float(evaluation.confidences.mean())
    gap = confidence - evaluation.accuracy
    kind = "surer than right" if gap > 0 else "less sure than right"
    words = (
        f"On average the network gives its answer a probability of {percent(confidence)}, and "
        f"{percent(evaluation.accuracy)} of its answers are right: it is {kind} by "
        f"{100 * abs(gap):.1f} points. Expected calibration error: "
        f"{percent(diagram.expected_calibration_error)}, in {len(diagram.counts)} bins."
    )
    with style.context("default"):  # as for the curves
        drawn = drawing(
            plots.reliability_diagram(diagram), "reliability", f"Reliability diagram. {words}"
        )
    return section(
        "Calibration",
        f'<p>{words}</p>\n<div class="curves">{drawn}</div>',
        folded("The closest calls", _closest(evaluation, images)),
    )


def _closest(evaluation: Evaluation, images) -> str:
    samples, names = evaluation.most_uncertain(CLOSEST), evaluation.class_names
    shown = [None] * len(samples) if images is None else plots.to_uint8(images[samples])
    items = ""
    for sample, pixels in zip(samples, shown, strict=True):
        chances = evaluation.probabilities[sample]
        first, second = chances.argsort(kind="stable")[::-1][:2]
        answers = " or ".join(f"{names[n]} ({percent(float(chances[n]))})" for n in (first, second))
        true = names[evaluation.labels[sample]]
        drawn = (
            "" if pixels is None else picture(pixels, f"Closest call, image {sample}: {answers}")
        )
        items += (
            f"<li><figure>{drawn}<figcaption>{escape(answers)}?<br>Is <b>{escape(true)}</b><br>"
            f"{sample_name(images, sample)}</figcaption></figure></li>\n"
        )
    return f'<ul class="pictures">\n{items}</ul>'
