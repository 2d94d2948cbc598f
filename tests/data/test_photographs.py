"""Digits on photographs: what lies behind them is a photograph, and the digit is the difference."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_sample_images

from cnnkit import data


def test_each_image_is_a_patch_of_a_photograph_less_the_digit():
    digits = data.limit_per_class(data.digits(), 1)
    laid = data.on_photographs(digits, copies=3, seed=1)
    assert laid.image_shape == (28, 28, 3)
    assert len(laid.train) == 3 * len(digits.train)
    np.testing.assert_array_equal(laid.train.labels, np.tile(digits.train.labels, 3))
    empty = np.asarray(digits.train.inputs)[0] == 0  # where no stroke is, the photograph is seen
    seen = laid.train.inputs[0][empty[..., 0]]
    for photograph in load_sample_images().images:
        windows = sliding_window_view(
            photograph, (28, 28), axis=(0, 1)
        )  # (rows, columns, 3, 28, 28)
        rows, columns = np.nonzero(empty[..., 0])
        first = windows[:, :, :, rows[0], columns[0]] == seen[0]
        for row, column in zip(*np.nonzero(first.all(axis=-1)), strict=True):
            if (seen == windows[row, column][:, rows, columns].T).all():
                return
    raise AssertionError("the background is no patch of a photograph")


def test_the_seed_chooses_the_patches():
    digits = data.limit_per_class(data.digits(), 1)
    one, again, other = (data.on_photographs(digits, seed=seed).train.inputs for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
