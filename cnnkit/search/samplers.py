"""Samplers and pruners of Optuna by name."""

import math
from collections.abc import Callable

import optuna
from optuna.samplers import BaseSampler

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.random_streams import Purpose, random_generator
from cnnkit.search.names import PRUNERS, SAMPLERS
from cnnkit.search.ranges import Choices, Range
from cnnkit.search.space import Space


class SeededByTrial(BaseSampler):
    """A sampler that draws from a random stream of each trial's own.

    So a search that goes on, or has several workers, draws what it would have drawn otherwise, and
    never the beginning of the same stream again.

    Args:
        make: Returns Optuna's sampler for a seed.
        seed: Of the search.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int):
        self._make, self._seed, self._inner = make, seed, make(seed)

    def before_trial(self, study, trial):
        """Begin the trial's stream."""
        stream = random_generator(self._seed, Purpose.SEARCH, trial.number)
        self._inner = self._make(int(stream.integers(2**31)))
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(self, study, trial):
        """As Optuna's sampler."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(self, study, trial, search_space):
        """As Optuna's sampler."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(self, study, trial, param_name, param_distribution):
        """As Optuna's sampler."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study, trial, state, values):
        """As Optuna's sampler."""
        self._inner.after_trial(study, trial, state, values)


def sampler_of(name: str, space: Space, seed: int, objectives: int = 1) -> BaseSampler:
    """Return a sampler.

    Args:
        name: "tpe", "random", "grid" or "cma-es".
        space: What it samples from.
        seed: Of the search.
        objectives: How many there are.

    Returns:
        Optuna's sampler.

    Raises:
        UnknownNameError: There is no sampler of that name.
        SettingError: The sampler cannot work on this space.
    """
    if name not in SAMPLERS:
        raise UnknownNameError("sampler", name, SAMPLERS)
    if name == "grid":
        # The grid has an order, which its seed shuffles, and so one seed for all trials.
        return optuna.samplers.GridSampler(grid_of(space), seed=seed)
    if name == "random":
        return SeededByTrial(lambda seed: optuna.samplers.RandomSampler(seed=seed), seed)
    if name == "tpe":
        return SeededByTrial(lambda seed: optuna.samplers.TPESampler(seed=seed), seed)
    _expect_numbers(space, objectives)
    return SeededByTrial(
        lambda seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False), seed
    )


def grid_of(space: Space) -> dict[str, list]:
    """Return all values of each part of a space.

    Args:
        space: A space of choices and whole numbers.

    Returns:
        Lists of values by the name of the part.

    Raises:
        SettingError: A part has no end of values.
    """
    parts = {
        name: part.grid() if isinstance(part, Range | Choices) else None
        for name, part in space.parts.items()
    }
    finite = {name: values for name, values in parts.items() if values is not None}
    endless = [name for name in parts if name not in finite]
    if endless or not space.is_plain:
        named = f"{', '.join(map(repr, endless))} of " if endless else ""
        raise SettingError(
            f"A grid has an end, but {named}the space ({space}) has none: give a tuple of choices "
            "or a range with a step, or choose another sampler."
        )
    return finite


def grid_size(space: Space) -> int:
    """Return how many trials a grid takes.

    Args:
        space: As of `grid_of`.
    """
    return math.prod(map(len, grid_of(space).values()))


def pruner_of(name: str, objectives: int = 1) -> optuna.pruners.BasePruner:
    """Return a pruner.

    Args:
        name: "none", "median" or "hyperband".
        objectives: How many there are.

    Returns:
        Optuna's pruner.

    Raises:
        UnknownNameError: There is no pruner of that name.
        SettingError: Several objectives would be pruned, which Optuna cannot do.
    """
    if name not in PRUNERS:
        raise UnknownNameError("pruner", name, PRUNERS)
    if name == "none":
        return optuna.pruners.NopPruner()
    if objectives > 1:
        raise SettingError(
            f"Optuna prunes searches with one objective, not with {objectives}: leave the pruner "
            f"{name!r} out, or all objectives but one."
        )
    if name == "median":
        return optuna.pruners.MedianPruner()
    return optuna.pruners.HyperbandPruner()


def _expect_numbers(space: Space, objectives: int) -> None:
    numbers = [part for part in space.parts.values() if isinstance(part, Range)]
    if space.is_plain and len(numbers) < 2:
        raise SettingError(
            f"CMA-ES needs at least two ranges of numbers, and the space ({space}) has "
            f"{len(numbers)}: choose another sampler."
        )
    if objectives > 1:
        raise SettingError("CMA-ES works on one objective: choose another sampler.")
