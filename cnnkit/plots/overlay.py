"""Learning curves of several runs in one picture."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cnnkit.plots.charts import metric_names
from cnnkit.plots.figure import new_figure

# Safe for colour-blind readers (Okabe, Ito 2008); the black of that palette is the page's own colour.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442")
STYLES = ("-", "--", ":", "-.")
LONGEST_NAME = 48  # characters in the legend


def overlaid_curves(
    histories: Mapping[str, Sequence[Mapping[str, Sequence[float]]]],
) -> Figure:
    """Draw the curves of groups of runs over each other, a colour for each group.

    A metric that was validated is drawn as validated, and else as trained. The thick line is the mean
    over the runs of a group that have the epoch; each run is a thin line.

    Args:
        histories: The histories of the runs of each group, by the group's name. A history has a list
            of values for each metric, one for each epoch, as in Keras' `History.history`; None and
            NaN leave a gap.

    Returns:
        A matplotlib figure with a panel for each metric that all groups have, loss first.
    """
    every = [history for group in histories.values() for history in group if history]
    shared = [
        name
        for name in (
            metric_names({name: list(values) for name, values in every[0].items()}) if every else []
        )
        if name != "learning_rate" and all(_key(name, each) for each in every)
    ]
    figure = new_figure(4.8 * max(1, len(shared)), 3.6)
    for place, name in enumerate(shared, start=1):
        axes = figure.add_subplot(1, len(shared), place)
        for number, (label, group) in enumerate(histories.items()):
            colour, style = COLOURS[number % len(COLOURS)], STYLES[number // len(COLOURS) % 4]
            _draw(axes, name, group, label, color=colour, ls=style)
        is_validated = all(f"val_{name}" in each for each in every)
        title = ("validation " if is_validated else "") + name.replace("_", " ")
        axes.set_title(title.capitalize(), parse_math=False)
        axes.set_xlabel("epoch")
        locator: Any = axes.xaxis.get_major_locator()  # an AutoLocator, typed as its base class
        locator.set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    if shared:
        handles, labels = figure.axes[0].get_legend_handles_labels()
        legend = figure.legend(handles, labels, loc="outside lower center", frameon=False, ncols=2)
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


def _key(name: str, history: Mapping) -> str | None:
    return next((key for key in (f"val_{name}", name) if key in history), None)


def _draw(axes, name: str, group: Sequence[Mapping], label: str, **line) -> None:
    curves = [np.array(each[_key(name, each)], float) for each in group if each]
    if not curves:
        return
    longest = max(map(len, curves))
    padded = np.full((len(curves), longest), np.nan)
    for row, curve in zip(padded, curves, strict=True):
        row[: len(curve)] = curve
    epochs = np.arange(1, longest + 1)
    if len(curves) > 1:
        axes.plot(epochs, padded.T, lw=0.7, alpha=0.35, **line)
    known = ~np.isnan(padded)
    counts = known.sum(axis=0)
    means = np.where(counts > 0, np.where(known, padded, 0).sum(axis=0), np.nan) / np.maximum(counts, 1)  # fmt: skip
    short = label if len(label) <= LONGEST_NAME else f"{label[: LONGEST_NAME - 3]}..."
    marker = "o" if longest <= 3 else None
    axes.plot(epochs, means, lw=1.8, marker=marker, ms=4, label=short, **line)
