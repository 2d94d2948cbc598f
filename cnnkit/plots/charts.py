"""Charts of numbers.

Each function that draws returns a `matplotlib.figure.Figure`, which a notebook shows in place.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cnnkit.plots.figure import TRAINING_COLOUR, VALIDATION_COLOUR, new_figure

MAX_NAMED_CLASSES = 64  # a confusion matrix of more classes has no tick labels
NOT_METRICS = ("epoch", "seconds")  # columns of metrics.csv that are no metrics


def metric_names(history: dict[str, list[float]]) -> list[str]:
    """Return the metrics of a history that are worth a curve: loss first, the learning rate last.

    `val_loss` belongs to `loss`. A learning rate that never changes gets no curve.

    Args:
        history: A list of values for each metric, as in Keras' `History.history`.

    Returns:
        Names without `val_`.

    >>> metric_names({"accuracy": [0.5], "val_accuracy": [0.4], "loss": [1], "seconds": [2]})
    ['loss', 'accuracy']
    """
    every = dict.fromkeys(name.removeprefix("val_") for name in history)
    names = [name for name in every if name not in NOT_METRICS]
    if len(set(history.get("learning_rate", ()))) == 1:
        names.remove("learning_rate")
    return sorted(names, key=lambda name: (name == "learning_rate", name != "loss"))


def learning_curves(history: dict[str, list[float]]) -> Figure:
    """Draw every metric against the epoch, for training and validation.

    Args:
        history: A list of values for each metric, one for each epoch, as in Keras' `History.history`.
            None and NaN leave a gap. `metric_names` chooses the metrics and their order.

    Returns:
        A matplotlib figure.
    """
    names = metric_names(history)
    figure = new_figure(4.4 * max(1, len(names)), 3.2)
    for index, name in enumerate(names, start=1):
        axes = figure.add_subplot(1, len(names), index)
        lines = (
            (name, "training", TRAINING_COLOUR),
            (f"val_{name}", "validation", VALIDATION_COLOUR),
        )
        for key, label, colour in lines:
            values = np.array(history.get(key, ()), float)
            epochs = np.arange(1, len(values) + 1)
            marker = "o" if len(epochs) <= 20 else None
            axes.plot(epochs, values, color=colour, marker=marker, ms=4, label=label)
        axes.set_xlabel("epoch")
        axes.set_title(name.replace("_", " ").capitalize(), parse_math=False)
        locator: Any = axes.xaxis.get_major_locator()  # an AutoLocator, typed as its base class
        locator.set_params(integer=True)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        if f"val_{name}" in history:
            axes.legend(frameon=False)
    return figure


def learning_rate_finder(result) -> Figure:
    """Draw the loss against the learning rate on a logarithmic axis, with the suggestion marked.

    Args:
        result: What `cnnkit.training.rate_finder.find_learning_rate` returns.

    Returns:
        A matplotlib figure.
    """
    figure = new_figure(5.2, 3.4)
    axes = figure.add_subplot()
    axes.plot(
        result.rates, result.losses, color=TRAINING_COLOUR, lw=0.8, alpha=0.4, label="a batch"
    )
    axes.plot(result.rates, result.smooth, color=TRAINING_COLOUR, label="running mean")
    label = f"suggested: {result.suggestion:.1e}"
    axes.axvline(result.suggestion, color=VALIDATION_COLOUR, ls="--", label=label)
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    return figure


def confusion_matrix(matrix: np.ndarray, class_names: Sequence[str]) -> Figure:
    """Draw a confusion matrix: a row for each true class, a column for each predicted class.

    Args:
        matrix: Counts, `(classes, classes)`. Shades are rates within a row.
        class_names: Names of the classes.

    Returns:
        A matplotlib figure.
    """
    matrix, classes = np.asarray(matrix), len(class_names)
    side = min(10, 2.5 + 0.42 * classes)
    figure = new_figure(side, side)
    axes = figure.add_subplot()
    rates = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(rates, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true")
    if classes <= MAX_NAMED_CLASSES:
        turn: dict = {
            "rotation": 90 if classes > 12 else 45,
            "ha": "right",
            "rotation_mode": "anchor",
        }
        axes.set_xticks(range(classes), class_names, parse_math=False, **turn)
        axes.set_yticks(range(classes), class_names, parse_math=False)
    if classes <= 20:
        for row, column in np.argwhere(matrix):
            axes.text(
                column, row, matrix[row, column], ha="center", va="center", fontsize=8,
                color="white" if rates[row, column] > 0.5 else "black",
            ).set_in_layout(False)  # fmt: skip
    return figure


def reliability_diagram(reliability) -> Figure:
    """Draw accuracy against confidence for each bin; a calibrated network lies on the diagonal.

    Below the diagonal the network is overconfident. A mark's area follows the samples in its bin.

    Args:
        reliability: What `cnnkit.evaluation.reliability` returns.

    Returns:
        A matplotlib figure.
    """
    figure = new_figure(3.6, 3.4)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#888888", lw=1, ls="--", label="perfectly calibrated")
    filled = reliability.counts > 0
    areas = 12 + 130 * reliability.counts[filled] / max(reliability.counts.max(), 1)
    confidences, accuracies = reliability.confidences[filled], reliability.accuracies[filled]
    axes.plot(confidences, accuracies, color=TRAINING_COLOUR, lw=1)
    axes.scatter(
        confidences, accuracies, areas, color=TRAINING_COLOUR, label="bins of test samples"
    )
    axes.set(xlim=(0, 1.04), ylim=(0, 1.04), xlabel="confidence", ylabel="accuracy")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    return figure
