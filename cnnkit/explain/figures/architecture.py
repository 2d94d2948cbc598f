"""A drawing of a network: its layers, their output shapes, and what each layer reads."""

import math

from matplotlib.patches import Patch

from cnnkit import plots


def architecture(anatomy):
    """Draw a network: a box for each layer, downwards in the order of the forward pass.

    A box has the layer's name, its kind with the size and stride of its window, and its output's shape.
    Boxes side by side are branches. A box's width follows the logarithm of its number of maps or units.

    Args:
        anatomy: What `cnnkit.models.anatomy` returns.

    Returns:
        A matplotlib figure.
    """
    depths = {}
    for row in anatomy.rows:
        depths[row.name] = 1 + max((depths[name] for name in row.reads), default=-1)
    places, branches = {}, [0] * (max(depths.values()) + 1)
    for depth in range(len(branches)):
        side_by_side = [row for row in anatomy.rows if depths[row.name] == depth]
        # Sorted by the place of what they read, so that lines seldom cross.
        side_by_side.sort(key=lambda row: sum(places[name][0] for name in row.reads))
        branches[depth] = len(side_by_side)
        for column, row in enumerate(side_by_side):
            places[row.name] = (2.6 * (column - (len(side_by_side) - 1) / 2), depth)
    figure = plots.new_figure(2.6 * max(branches) + 1.6, min(0.56 * len(branches) + 1, 580))
    axes = figure.add_subplot()
    axes.set(xlim=(-1.3 * max(branches), 1.3 * max(branches)), ylim=(len(branches), -1))
    axes.axis("off")
    for row in anatomy.rows:
        x, y = places[row.name]
        half = 0.35 + 0.085 * math.log2((row.output_shape or (1,))[-1] or 1)
        colour = plots.VALIDATION_COLOUR if row.parameters else plots.TRAINING_COLOUR
        axes.fill(
            [x - half, x + half, x + half, x - half],
            [y - 0.36] * 2 + [y + 0.36] * 2,
            color=colour,
            alpha=0.35,
        )
        words = f"{row.name}\n{_kind(row)}\n{_times(row.output_shape)}"
        axes.text(x, y, words, ha="center", va="center", fontsize=6, parse_math=False)
        for source in row.reads:
            start = places[source]
            axes.plot([start[0], x], [start[1] + 0.36, y - 0.36], color="black", lw=0.5, zorder=0)
    figure.legend(
        handles=[
            Patch(color=plots.VALIDATION_COLOUR, alpha=0.35, label="has weights"),
            Patch(color=plots.TRAINING_COLOUR, alpha=0.35, label="has no weights"),
        ],
        title="wider: more maps or units\nlast line: height x width x maps",
        title_fontsize=6, loc="outside lower center", ncols=2, frameon=False, fontsize=6,
    )  # fmt: skip
    return figure


def _kind(row) -> str:
    if row.window is None:
        return row.kind
    steps = set(row.strides)
    stride = str(*steps) if len(steps) == 1 else _times(row.strides)
    return f"{row.kind} {_times(row.window)}, stride {stride}"


def _times(sizes) -> str:
    return " x ".join("any" if size is None else str(size) for size in sizes)
