"""Explanations as figures: what the functions of cnnkit.explain return, drawn.

Each function returns a `matplotlib.figure.Figure`, which a notebook shows in place;
`cnnkit.plots.png` makes a file of it.
"""

from cnnkit.explanation_plots.architecture import architecture
from cnnkit.explanation_plots.lines import probability_curves, robustness
from cnnkit.explanation_plots.pictures import (
    feature_maps,
    filters,
    heat_maps,
    kernel_answers,
    receptive_fields,
    top_patches,
)
from cnnkit.explanation_plots.walk import walkthrough

__all__ = [
    "architecture", "feature_maps", "filters", "heat_maps", "kernel_answers", "probability_curves",
    "receptive_fields", "robustness", "top_patches", "walkthrough",
]  # fmt: skip
