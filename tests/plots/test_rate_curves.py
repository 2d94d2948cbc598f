"""Figures of ROC and precision-recall curves."""

import numpy as np
import pytest

from cnnkit import evaluation, plots

pytestmark = pytest.mark.once


@pytest.mark.parametrize("classes", [2, 30])
@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
def test_the_names_of_the_classes_hide_no_curve(kind, classes):
    rng = np.random.default_rng(0)
    curve = getattr(evaluation, f"{kind}_curve")
    curves = {
        f"class number {n}": curve(rng.random(40) < 0.5, rng.random(40)) for n in range(classes)
    }
    figure = getattr(plots, f"{kind}_curves")(curves)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    legend = axes.get_legend().get_window_extent()
    assert legend.x0 >= axes.get_window_extent().x1
    assert legend.x1 <= figure.bbox.x1
    assert len(axes.get_legend().get_texts()) == min(classes, 24)
