"""Samplers by name: what they cover, and that no stream of random numbers begins twice."""

import optuna
import pytest

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.search import ledger
from cnnkit.search.ranges import integers, uniform
from cnnkit.search.samplers import grid_size, pruner_of, sampler_of
from cnnkit.search.space import Space

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def experiment(a: int = 1, b: float = 0.0, c: str = ""):
    """An experiment that is never called."""


PLANE = Space(experiment, {"a": integers(0, 100), "b": uniform(-1, 1)})


def searched(sampler, space, trials, sittings=1):
    """A study after so many trials, in several sittings as different processes would have them."""
    storage = optuna.storages.InMemoryStorage()
    for sitting in range(sittings):
        study = optuna.create_study(
            storage=storage, study_name="search", sampler=sampler(), load_if_exists=True
        )
        if sitting == 0:
            ledger.plan(study, trials)
        for _ in range(trials // sittings):
            study.optimize(lambda trial: _sum(space.settings(trial)), n_trials=1)
    return study


def _sum(settings):
    return sum(value for value in settings.values() if not isinstance(value, str))


@pytest.mark.parametrize("name", ["tpe", "random", "cma-es"])
def test_a_search_in_three_sittings_draws_what_one_sitting_draws(name):
    found = [
        searched(
            lambda: sampler_of(name, PLANE, 3), PLANE, 24, sittings
        )
        for sittings in (1, 3)
    ]  # fmt: skip
    one, three = ([trial.params for trial in study.trials] for study in found)
    assert one == three
    assert len({params["b"] for params in one}) == 24  # none is drawn again


def test_a_grid_visits_each_point_once():
    space = Space(experiment, {"a": (1, 2, 3), "c": ("x", "y"), "b": uniform(0, 1, step=0.5)})
    assert grid_size(space) == 18
    study = searched(lambda: sampler_of("grid", space, 0), space, 18)
    points = {tuple(sorted(trial.params.items())) for trial in study.trials}
    assert len(points) == 18


def test_tpe_finds_a_minimum_sooner_than_chance():
    best = {}
    for name in ("tpe", "random"):
        sampler = sampler_of(name, PLANE, 1)
        study = searched(lambda sampler=sampler: sampler, PLANE, 40)
        best[name] = study.best_value
    assert best["tpe"] < best["random"]
    assert best["tpe"] < 5  # the minimum is 0 - 1, and a quarter of the plane is above 75


@pytest.mark.parametrize("name", ["median", "hyperband"])
def test_a_pruner_ends_trials_that_fall_behind_and_not_the_best(name):
    study = optuna.create_study(
        direction="maximize", sampler=sampler_of("random", PLANE, 0), pruner=pruner_of(name)
    )

    def train(trial):
        goal = PLANE.settings(trial)["a"]
        for epoch in range(1, 28):
            trial.report(goal * (1 - 0.8**epoch), epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return goal

    study.optimize(train, n_trials=40)
    pruned = [t for t in study.trials if t.state is optuna.trial.TrialState.PRUNED]
    assert len(pruned) > 10
    epochs = sum(len(trial.intermediate_values) for trial in study.trials)
    assert epochs < 0.8 * 40 * 27
    assert study.best_value == max(trial.params["a"] for trial in study.trials)


@pytest.mark.parametrize(
    ("name", "space", "words"),
    [
        ("grid", PLANE, "'b' of the space"),
        ("cma-es", Space(experiment, {"a": (1, 2), "b": uniform(0, 1)}), "at least two ranges"),
    ],
)
def test_a_sampler_refuses_a_space_that_it_cannot_search(name, space, words):
    with pytest.raises(SettingError, match=words):
        sampler_of(name, space, 0)


def test_an_unknown_name_is_told():
    with pytest.raises(UnknownNameError, match="no sampler named 'tpa'; did you mean 'tpe'"):
        sampler_of("tpa", PLANE, 0)
    with pytest.raises(UnknownNameError, match="no pruner named 'mean'"):
        pruner_of("mean")
    with pytest.raises(SettingError, match="one objective, not with 2"):
        pruner_of("median", 2)
