"""ROC and precision-recall curves of several classes."""

from collections.abc import Mapping

from matplotlib.figure import Figure

from cnnkit.plots.figure import TRAINING_COLOUR, new_figure

# Okabe and Ito's colours, which colour-blind readers can tell apart.
COLOURS = (
    TRAINING_COLOUR, "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8c6d1f", "#7f7f7f",
)  # fmt: skip
STYLES = ("-", "--", ":")
MAX_CURVES = len(COLOURS) * len(STYLES)


def roc_curves(curves: Mapping[str, object]) -> Figure:
    """Draw ROC curves: the part of a class that is found against the part of all others.

    Args:
        curves: By class, what `cnnkit.evaluation.roc_curve` returns. None is left out. Of more than
            24, those with the smallest areas are drawn.

    Returns:
        A matplotlib figure.
    """
    figure, axes = _axes(curves)
    axes.plot([0, 1], [0, 1], color="#888888", lw=1, ls="--", zorder=0)
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
    return figure


def precision_recall_curves(curves: Mapping[str, object]) -> Figure:
    """Draw precision-recall curves.

    Args:
        curves: By class, what `cnnkit.evaluation.precision_recall_curve` returns; otherwise as
            `roc_curves` takes them.

    Returns:
        A matplotlib figure.
    """
    figure, axes = _axes(curves)
    axes.set(xlabel="recall", ylabel="precision")
    return figure


def _axes(curves: Mapping):
    known = {name: curve for name, curve in curves.items() if curve is not None}
    weakest = sorted(known, key=lambda name: known[name].area)[:MAX_CURVES]
    columns = 1 + len(weakest) // 13
    figure = new_figure(4.6 + 1.7 * columns * bool(known), 4.2)
    axes = figure.add_subplot()
    for number, name in enumerate(name for name in known if name in set(weakest)):
        curve = known[name].thinned()
        axes.plot(
            curve.x, curve.y, lw=1.4, color=COLOURS[number % len(COLOURS)],
            ls=STYLES[number // len(COLOURS) % len(STYLES)], label=f"{name} ({known[name].area:.3f})",
        )  # fmt: skip
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if known:
        title = "class (area)" if len(known) == len(weakest) else f"weakest of {len(known)} (area)"
        # Beside the curves: in a corner it hides those that end there.
        legend = axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=7,
                             title=title, title_fontsize=7, ncols=columns)  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure, axes
