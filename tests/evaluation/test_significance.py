"""Intervals and tests against statsmodels and SciPy."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from cnnkit.errors import SettingError
from cnnkit.evaluation import holm, mcnemar, paired_bootstrap, t_interval

pytestmark = pytest.mark.once

ITEMS = 400


def answers(seed, accuracy=0.9, networks=None):
    """Whether networks are right about items, some of which are harder."""
    random = np.random.default_rng(seed)
    shape = ITEMS if networks is None else (networks, ITEMS)
    return random.random(shape) < np.clip(accuracy + 0.1 * np.sin(np.arange(ITEMS)), 0, 1)


@pytest.mark.parametrize("count", [2, 3, 5, 30])
def test_the_t_interval_is_that_of_statsmodels(count):
    values = np.random.default_rng(count).normal(0.97, 0.01, count)
    mean, *ends = t_interval(values)
    assert mean == pytest.approx(values.mean())
    np.testing.assert_allclose(ends, DescrStatsW(values).tconfint_mean())


def test_one_seed_has_no_interval():
    assert t_interval([0.5]) == (0.5, None, None)


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_is_that_of_statsmodels(seed):
    first, second = answers(seed), answers(seed + 100, 0.86)
    table = [
        [(first & second).sum(), (first & ~second).sum()],
        [(~first & second).sum(), (~first & ~second).sum()],
    ]
    ours = mcnemar(first, second)
    assert ours.p_value == pytest.approx(their_mcnemar(table, exact=True).pvalue)
    assert ours.difference == pytest.approx(first.mean() - second.mean())


def test_networks_that_never_differ_are_not_told_apart():
    same = answers(0)
    assert mcnemar(same, same).p_value == 1
    assert paired_bootstrap(same, same).p_value == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_bootstrap_of_two_networks_is_that_of_scipy(seed):
    first, second = answers(seed), answers(seed + 100, 0.85)
    theirs = stats.bootstrap(
        (first.astype(float), second.astype(float)),
        lambda one, other, axis: one.mean(axis=axis) - other.mean(axis=axis),
        paired=True, method="percentile", n_resamples=10_000, rng=np.random.default_rng(1),
    )  # fmt: skip
    ours = paired_bootstrap(first, second, resamples=10_000)
    interval = theirs.confidence_interval
    # Both draw at random, and accuracies of so few items go in steps: one step is allowed.
    assert (ours.low, ours.high) == pytest.approx(tuple(interval), abs=1.01 / ITEMS)
    below = (theirs.bootstrap_distribution <= 0).mean()
    assert ours.p_value == pytest.approx(2 * min(below, 1 - below), abs=0.02)


def test_networks_are_drawn_too():
    first = np.concatenate([np.ones((1, ITEMS), bool), np.zeros((1, ITEMS), bool)])
    second = np.tile(np.arange(ITEMS) < ITEMS // 2, (2, 1))
    ours = paired_bootstrap(first, second)
    # The items say +-0.05; that one network of two is always wrong says far less.
    assert (ours.low, ours.high) == pytest.approx((-0.5, 0.5), abs=0.06)
    assert ours.difference == 0


def test_the_p_value_is_uniform_if_there_is_no_difference():
    p_values = [
        paired_bootstrap(answers(seed), answers(seed + 500), resamples=2000).p_value
        for seed in range(200)
    ]
    # The accuracies of 400 items are coarse, and so are their p-values.
    assert stats.kstest(p_values, "uniform").statistic < 0.12


@pytest.mark.parametrize("count", [1, 2, 7])
def test_holm_is_that_of_statsmodels(count):
    p_values = np.random.default_rng(count).random(count) ** 3
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1])


@pytest.mark.parametrize("test", [mcnemar, paired_bootstrap])
@pytest.mark.parametrize("items", [0, 5])
def test_other_items_are_refused(test, items):
    with pytest.raises(SettingError, match="same items"):
        test(np.ones(0, bool), np.ones(items, bool))
