"""Explanations as figures: what the functions of cnnkit.explain return, drawn.

Each function returns a `matplotlib.figure.Figure`, which a notebook shows in place;
`cnnkit.plots.charts.png` makes a file of it.
"""

from cnnkit.explain.figures.architecture import architecture
from cnnkit.explain.figures.curves import probability_curves, robustness
from cnnkit.explain.figures.grids import (
    feature_maps,
    filters,
    heat_maps,
    kernel_answers,
    receptive_fields,
    top_patches,
)
from cnnkit.explain.figures.walkthrough import walkthrough

__all__ = [
    "architecture", "feature_maps", "filters", "heat_maps", "kernel_answers", "probability_curves",
    "receptive_fields", "robustness", "top_patches", "walkthrough",
]  # fmt: skip
