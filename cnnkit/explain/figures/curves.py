"""Curves: robustness under changes, and probability while an image is taken away or put there."""

import math
from collections.abc import Mapping

import numpy as np

from cnnkit import plots
from cnnkit.explain.attribution.faithfulness import Curve
from cnnkit.explain.robustness import Response

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
MARKS = ("o", "s", "^", "D", "v", "P")


def robustness(responses: Mapping[str, Mapping[str, Response]], quantity: str = "accuracy"):
    """Return a panel a change, with a line a model: accuracy against the amount of the change.

    responses: by the model's name, what `explain.robustness` returns. quantity: "accuracy",
    "confidence" or "agreement". The shade is the 95 % sampling error of an accuracy (Wald).
    """
    changes = list(dict.fromkeys(name for found in responses.values() for name in found))
    columns = min(4, len(changes))
    rows = math.ceil(len(changes) / columns)
    figure = plots.blank(3.0 * columns, 2.6 * rows + 0.4)
    for place, change in enumerate(changes, start=1):
        axes = figure.add_subplot(rows, columns, place)
        for index, (model, found) in enumerate(responses.items()):
            if change not in found:
                continue
            response = found[change]
            values = getattr(response, quantity)
            colour = COLOURS[index % len(COLOURS)]
            mark = MARKS[index % len(MARKS)]
            axes.plot(response.amounts, values, color=colour, marker=mark, ms=4, label=model)
            if quantity != "confidence":
                error = 1.96 * np.sqrt(values * (1 - values) / response.samples)
                axes.fill_between(
                    response.amounts, values - error, values + error, color=colour, alpha=0.15, lw=0
                )
            axes.set_xlabel(response.unit, fontsize=8)
        axes.set(title=change, ylim=(0, 1.03))
        axes.set_ylabel(quantity if place % columns == 1 or columns == 1 else "", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    if len(responses) > 1:
        handles, names = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def probability_curves(curves: Mapping[str, Curve], title: str = "deletion"):
    """Return the mean probability against the part of the image that is changed, a line a method.

    curves: by the method's name, what `explain.deletion` or `explain.insertion` returns; the area
    under each stands in the legend.
    """
    figure = plots.blank(5.2, 3.4)
    axes = figure.add_subplot()
    for index, (name, curve) in enumerate(curves.items()):
        axes.plot(
            curve.fractions, curve.probabilities.mean(axis=0), color=COLOURS[index % len(COLOURS)],
            marker=MARKS[index % len(MARKS)], ms=3, label=f"{name}: {curve.areas.mean():.3f}",
        )  # fmt: skip
    axes.set(xlabel="part of the image", ylabel="probability of the class", title=title)
    axes.set(xlim=(0, 1), ylim=(0, 1.03))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, title="area under the curve", title_fontsize=8)
    return figure
