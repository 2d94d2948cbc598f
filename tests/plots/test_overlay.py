"""Curves of several runs over each other, read back from matplotlib's own lines."""

import numpy as np
import pytest

from cnnkit import plots

pytestmark = pytest.mark.once


def history(offset, epochs=4, **more):
    loss = [offset + 1 / epoch for epoch in range(1, epochs + 1)]
    return {"loss": loss, "val_loss": [each + 0.1 for each in loss], "seconds": loss} | more


def lines(axes):
    return [line for line in axes.get_lines() if not line.get_label().startswith("_")]


def test_the_thick_line_is_the_mean_of_a_groups_runs():
    groups = {"one": [history(0), history(1, epochs=2)], "other": [history(2)]}
    [axes] = plots.overlaid_curves(groups).axes
    one, other = lines(axes)
    assert axes.get_title() == "Validation loss"
    expected = np.array([1.1 + 0.5, 0.6 + 0.5, 1 / 3 + 0.1, 0.25 + 0.1])
    np.testing.assert_allclose(one.get_ydata(), expected)
    np.testing.assert_allclose(other.get_ydata(), history(2)["val_loss"])
    assert [one.get_label(), other.get_label()] == ["one", "other"]
    assert len(axes.get_lines()) == 4  # the two runs of the first group, too
    assert one.get_color() != other.get_color()


def test_a_metric_that_one_run_lacks_has_no_panel():
    groups = {"one": [history(0, accuracy=[0.5] * 4)], "other": [history(2)]}
    assert [axes.get_title() for axes in plots.overlaid_curves(groups).axes] == ["Validation loss"]


def test_gaps_and_runs_without_epochs_are_left_out():
    groups = {"one": [history(0) | {"val_loss": [1.0, float("nan"), 3.0, 4.0]}, {}], "none": [{}]}
    [axes] = plots.overlaid_curves(groups).axes
    [line] = lines(axes)
    np.testing.assert_array_equal(line.get_ydata(), [1.0, np.nan, 3.0, 4.0])
    assert not plots.overlaid_curves({"none": [{}]}).axes
