import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.model_selection import train_test_split

from cnnkit.data.splits import stratified
from cnnkit.errors import SettingError

pytestmark = pytest.mark.once


@settings(deadline=None, max_examples=40)
@given(
    counts=st.lists(st.integers(20, 60), min_size=2, max_size=5),
    fraction=st.floats(0.1, 0.5),
    seed=st.integers(0, 1000),
)
def test_splits_every_class_by_the_fraction_and_loses_none(counts, fraction, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    rest, part = stratified(labels, fraction, seed)
    assert sorted([*rest, *part]) == list(range(len(labels)))
    held_out = np.bincount(labels[part], minlength=len(counts))
    # The whole is rounded, and then each class's share of that.
    assert abs(len(part) - len(labels) * fraction) < 1
    assert np.abs(held_out - np.array(counts) * len(part) / len(labels)).max() < 1


@settings(deadline=None, max_examples=60)
@given(
    counts=st.lists(st.integers(2, 40), min_size=1, max_size=12),
    fraction=st.floats(0.02, 0.98),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_parts_are_those_of_scikit_learn(counts, fraction, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    samples = np.arange(len(labels))
    try:
        theirs = train_test_split(samples, test_size=fraction, random_state=seed, stratify=labels)
    except ValueError:
        with pytest.raises(SettingError, match="cannot be split"):
            stratified(labels, fraction, seed)
        return
    for ours, other in zip(stratified(labels, fraction, seed), theirs, strict=True):
        np.testing.assert_array_equal(ours, np.sort(other))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_a_fraction_is_inside_zero_and_one(fraction):
    with pytest.raises(SettingError, match="between 0 and 1"):
        stratified(np.repeat([0, 1], 10), fraction, 0)


def test_a_class_of_one_sample_is_refused():
    with pytest.raises(SettingError, match="cannot be split"):
        stratified(np.array([0, 0, 0, 0, 1]), 0.2, 0)
