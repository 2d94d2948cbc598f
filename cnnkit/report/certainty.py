"""Whether the network knows what it does not know: calibration, and its closest calls."""

from cnnkit import plots
from cnnkit.evaluation import Evaluation
from cnnkit.report.markup import drawing, escape, folded, percent, picture, section

CLOSEST = 8


def calibration(evaluation: Evaluation, images) -> str:
    """Confidence against accuracy, in words and drawn, and the closest calls.

    images: as `report.write` takes them.
    """
    from matplotlib import style  # matplotlib takes a third of a second to import

    found, sure = evaluation.reliability, float(evaluation.confidences.mean())
    gap = sure - evaluation.accuracy
    kind = "surer than right" if gap > 0 else "less sure than right"
    words = (
        f"On average the network gives its answer a probability of {percent(sure)}, and "
        f"{percent(evaluation.accuracy)} of its answers are right: it is {kind} by "
        f"{100 * abs(gap):.1f} points. Expected calibration error: "
        f"{percent(found.expected_error)}, in {len(found.counts)} bins."
    )
    with style.context("default"):  # as for the curves
        drawn = drawing(plots.reliability(found), "reliability", f"Reliability diagram. {words}")
    return section(
        "Calibration",
        f'<p>{words}</p>\n<div class="curves">{drawn}</div>',
        folded("The closest calls", _closest(evaluation, images)),
    )


def _closest(evaluation: Evaluation, images) -> str:
    samples, names = evaluation.most_uncertain(CLOSEST), evaluation.class_names
    shown = [None] * len(samples) if images is None else plots.pixels(images[samples])
    items = ""
    for sample, pixels in zip(samples, shown, strict=True):
        chances = evaluation.probabilities[sample]
        first, second = chances.argsort(kind="stable")[::-1][:2]
        said = " or ".join(f"{names[n]} ({percent(float(chances[n]))})" for n in (first, second))
        true = names[evaluation.labels[sample]]
        drawn = "" if pixels is None else picture(pixels, f"Closest call, image {sample}: {said}")
        items += (
            f"<li><figure>{drawn}<figcaption>{escape(said)}?<br>Is <b>{escape(true)}</b><br>"
            f"<small>test sample {sample}</small></figcaption></figure></li>\n"
        )
    return f'<ul class="pictures">\n{items}</ul>'
