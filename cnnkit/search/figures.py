"""Pictures of a search: its trials one after the other, what mattered, and the Pareto front."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnkit.plots import TRAINING_COLOUR, VALIDATION_COLOUR, new_figure

WIDE = (
    100.0  # a factor between the smallest and the largest number from which an axis is logarithmic
)


def history(
    numbers: Sequence[int], values: Sequence[float], name: str, *, maximize: bool
) -> Figure:
    """Draw the values of trials, and the best so far.

    Args:
        numbers: Of the trials, in their order.
        values: One a trial.
        name: Of the objective.
        maximize: Whether the highest is the best.

    Returns:
        A matplotlib figure.
    """
    figure = new_figure(6, 3.4)
    axes = figure.add_subplot()
    best = (np.maximum if maximize else np.minimum).accumulate(np.asarray(values, float))
    axes.plot(numbers, values, "o", color=TRAINING_COLOUR, markersize=4, label="trials")
    axes.step(numbers, best, where="post", color=VALIDATION_COLOUR, label="best so far")
    axes.set(xlabel="trial", ylabel=name.replace("_", " "))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def importances(shares: Mapping[str, float]) -> Figure:
    """Draw how much each parameter mattered.

    Args:
        shares: Shares of the variance by the name of the parameter.

    Returns:
        A matplotlib figure.
    """
    figure = new_figure(6, 0.8 + 0.3 * len(shares))
    axes = figure.add_subplot()
    names, widths = list(shares)[::-1], list(shares.values())[::-1]
    bars = axes.barh(names, widths, color=TRAINING_COLOUR)
    axes.bar_label(bars, [f"{width:.0%}" for width in widths], padding=3)
    axes.set(xlabel="share of the variance", xlim=(0, max(1e-9, *widths) * 1.15))
    return figure


def pareto_front(
    values: Sequence[Sequence[float]], numbers: Sequence[int], front: Sequence[int],
    names: Sequence[str],
) -> Figure:  # fmt: skip
    """Draw two objectives of trials, and those trials that no other one beats in both.

    Args:
        values: Of each trial, at least two; the first two are drawn.
        numbers: Of the trials.
        front: Numbers of those on the front.
        names: Of the objectives.

    Returns:
        A matplotlib figure. An axis is logarithmic if its numbers are far apart.
    """
    figure = new_figure(6, 4)
    axes = figure.add_subplot()
    points = np.asarray([each[:2] for each in values], float)
    on_front = np.isin(numbers, front)
    axes.plot(
        *points[~on_front].T[::-1], "o", color="grey", alpha=0.5, markersize=4, label="trials"
    )
    best = points[on_front][np.argsort(points[on_front][:, 1])]
    axes.plot(
        *best.T[::-1], "o-", drawstyle="steps-post", color=VALIDATION_COLOUR, markersize=5,
        linewidth=1, label="Pareto front",
    )  # fmt: skip
    for place, number in enumerate(numbers):
        if on_front[place]:
            axes.annotate(
                str(number),
                points[place][::-1],
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=8,
            )
    axes.set(xlabel=names[1].replace("_", " "), ylabel=names[0].replace("_", " "))
    if points[:, 1].min() > 0 and points[:, 1].max() > WIDE * points[:, 1].min():
        axes.set_xscale("log")
    axes.legend()
    return figure
