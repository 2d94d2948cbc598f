"""Curves: accuracy under perturbations, and probability as parts of an image are changed."""

import math
from collections.abc import Mapping

import numpy as np

from cnnkit import plots
from cnnkit.explain.attribution.faithfulness import ProbabilityCurve
from cnnkit.explain.robustness import RobustnessCurve

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
MARKERS = ("o", "s", "^", "D", "v", "P")


def robustness(curves: Mapping[str, Mapping[str, RobustnessCurve]], quantity: str = "accuracy"):
    """Draw a panel for each perturbation, with a line for each model.

    The shade is the 95 % sampling error of an accuracy (Wald interval).

    Args:
        curves: What `explain.robustness` returns, by the model's name.
        quantity: "accuracy", "confidence" or "agreement".

    Returns:
        A matplotlib figure.
    """
    perturbations = list(dict.fromkeys(name for of_model in curves.values() for name in of_model))
    columns = min(4, len(perturbations))
    rows = math.ceil(len(perturbations) / columns)
    figure = plots.new_figure(3.0 * columns, 2.6 * rows + 0.4)
    for place, perturbation in enumerate(perturbations, start=1):
        axes = figure.add_subplot(rows, columns, place)
        for index, (model, of_model) in enumerate(curves.items()):
            if perturbation not in of_model:
                continue
            curve = of_model[perturbation]
            values = getattr(curve, quantity)
            colour = COLOURS[index % len(COLOURS)]
            marker = MARKERS[index % len(MARKERS)]
            axes.plot(curve.amounts, values, color=colour, marker=marker, ms=4, label=model)
            if quantity != "confidence":
                error = 1.96 * np.sqrt(values * (1 - values) / curve.samples)
                axes.fill_between(
                    curve.amounts, values - error, values + error, color=colour, alpha=0.15, lw=0
                )
            axes.set_xlabel(curve.unit, fontsize=8)
        axes.set(title=perturbation, ylim=(0, 1.03))
        axes.set_ylabel(quantity if place % columns == 1 or columns == 1 else "", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        handles, names = figure.axes[0].get_legend_handles_labels()
        legend = figure.legend(
            handles, names, loc="outside upper center", ncols=len(names), frameon=False
        )
        for text in legend.get_texts():
            text.set_parse_math(False)  # of a run's name with two "$"
    return figure


def probability_curves(curves: Mapping[str, ProbabilityCurve], title: str = "deletion"):
    """Draw the mean probability against the part of the image that is changed, a line for each method.

    The legend gives the area under each curve.

    Args:
        curves: What `explain.deletion` or `explain.insertion` returns, by the method's name.
        title: Title of the figure.

    Returns:
        A matplotlib figure.
    """
    figure = plots.new_figure(5.2, 3.4)
    axes = figure.add_subplot()
    for index, (name, curve) in enumerate(curves.items()):
        axes.plot(
            curve.fractions, curve.probabilities.mean(axis=0), color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)], ms=3, label=f"{name}: {curve.areas.mean():.3f}",
        )  # fmt: skip
    axes.set(xlabel="part of the image", ylabel="probability of the class", title=title)
    axes.set(xlim=(0, 1), ylim=(0, 1.03))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, title="area under the curve", title_fontsize=8)
    return figure
