"""A network as a drawing: its layers, their sizes, and what each of them reads."""

import math

from cnnkit import plots


def architecture(anatomy):
    """Return a drawing of a network: a box a layer, downwards in the order of a forward pass.

    anatomy: what `cnnkit.models.anatomy` returns. Boxes side by side are branches; a box's width
    follows the logarithm of its number of maps or units.
    """
    depths = {}
    for row in anatomy.rows:
        depths[row.name] = 1 + max((depths[name] for name in row.reads), default=-1)
    spots, branches = {}, [0] * (max(depths.values()) + 1)
    for depth in range(len(branches)):
        side_by_side = [row for row in anatomy.rows if depths[row.name] == depth]
        # Below what it reads, so that lines seldom cross.
        side_by_side.sort(key=lambda row: sum(spots[name][0] for name in row.reads))
        branches[depth] = len(side_by_side)
        for place, row in enumerate(side_by_side):
            spots[row.name] = (2.6 * (place - (len(side_by_side) - 1) / 2), depth)
    figure = plots.blank(2.6 * max(branches) + 1, min(0.42 * len(branches) + 0.5, 580))
    axes = figure.add_subplot()
    axes.set(xlim=(-1.3 * max(branches), 1.3 * max(branches)), ylim=(len(branches), -1))
    axes.axis("off")
    for row in anatomy.rows:
        x, y = spots[row.name]
        half = 0.35 + 0.085 * math.log2((row.output_shape or (1,))[-1] or 1)
        colour = plots.VALIDATION if row.parameters else plots.TRAINING
        axes.fill(
            [x - half, x + half, x + half, x - half],
            [y - 0.36] * 2 + [y + 0.36] * 2,
            color=colour,
            alpha=0.35,
        )
        size = " x ".join("any" if n is None else str(n) for n in row.output_shape)
        axes.text(x, y, f"{row.name}\n{size}", ha="center", va="center", fontsize=6)
        for source in row.reads:
            there = spots[source]
            axes.plot([there[0], x], [there[1] + 0.36, y - 0.36], color="black", lw=0.5, zorder=0)
    return figure
