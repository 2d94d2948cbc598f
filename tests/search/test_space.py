"""A space: what is drawn from it, and what is refused before anything is drawn."""

import optuna
import pytest
from optuna.trial import FixedTrial

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.search.ranges import integers, log_integers, log_uniform, uniform
from cnnkit.search.space import Space, declared_in

pytestmark = pytest.mark.once


def experiment(filters: int = 4, learning_rate: float = 1e-2, widths: tuple[int, ...] = (8,)):
    """An experiment that is never called."""


def drawn(declared, **params):
    return Space(experiment, declared).settings(FixedTrial(params))


def test_optuna_draws_from_the_ranges_that_are_declared():
    declared = {
        "filters": integers(4, 16, step=4),
        "learning_rate": log_uniform(1e-4, 1e-1),
        "widths": ((8,), (8, 16)),
    }
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    space = Space(experiment, declared)
    settings = [space.settings(study.ask()) for _ in range(60)]
    assert {each["filters"] for each in settings} == {4, 8, 12, 16}
    assert {each["widths"] for each in settings} == {(8,), (8, 16)}  # tuples, as declared
    rates = sorted(each["learning_rate"] for each in settings)
    assert 1e-4 <= rates[0] < 1e-3 < 1e-2 < rates[-1] <= 1e-1  # each factor of 10 alike
    stored = study.trials[0].distributions
    assert stored["learning_rate"] == optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True)
    assert stored["filters"] == optuna.distributions.IntDistribution(4, 16, step=4)
    assert stored["widths"].choices == ("(8,)", "(8, 16)")  # which a database can hold


def test_a_function_of_the_trial_gives_a_value_or_all_settings():
    def width_of(trial):
        return (trial.suggest_int("first", 1, 9), 3)

    assert drawn({"widths": width_of}, first=7) == {"widths": (7, 3)}
    assert drawn(lambda trial: {"filters": 2 * trial.suggest_int("half", 1, 4)}, half=3) == {
        "filters": 6
    }


def test_a_fixed_setting_is_not_varied():
    space = Space(experiment, {"filters": (1, 2), "learning_rate": (0.1, 0.2)}, {"filters": 9})
    assert space.settings(FixedTrial({"learning_rate": 0.2})) == {
        "filters": 9, "learning_rate": 0.2,
    }  # fmt: skip
    with pytest.raises(SettingError, match="no setting left to vary"):
        Space(experiment, {"filters": (1, 2)}, {"filters": 9})


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"filtres": (1, 2)}, "'filtres'; did you mean 'filters'"),
        ({"filters": ()}, "'filters' is empty"),
        ({"filters": 3}, "'filters' is a tuple of choices"),
        ([1, 2], "is a dict of values by the name of the setting"),
        ({}, "no setting left to vary"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(declared, words):
    with pytest.raises((SettingError, UnknownNameError), match=words):
        Space(experiment, declared)


@pytest.mark.parametrize("declared", [lambda trial: {"filtres": 1}, lambda trial: [("filters", 1)]])
def test_what_a_function_returns_is_checked(declared):
    with pytest.raises((SettingError, UnknownNameError), match="filtres|returns a dict"):
        drawn(declared)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: uniform(2, 1), r"uniform\(2, 1\) is empty"),
        (lambda: uniform(0, float("nan")), "is empty"),
        (lambda: log_uniform(0, 1), "begins above 0"),
        (lambda: log_integers(0, 8), "begins above 0"),
        (lambda: integers(1, 2.5), "whole ends and steps, not 2.5"),
        (lambda: uniform(0, 1, step=0), "step of a range is above 0"),
    ],
)
def test_an_empty_range_is_refused_where_it_stands(make, words):
    with pytest.raises(SettingError, match=words):
        make()


def test_the_file_that_declares_no_space_is_told_how():
    with pytest.raises(SettingError, match="declares no space to search: write beside"):
        declared_in(experiment)
