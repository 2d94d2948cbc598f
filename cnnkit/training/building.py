"""Build what a run trains: call the experiment's function under its seed and dtype policy."""

import contextlib
import inspect
import numbers
from collections.abc import Callable, Iterator

from cnnkit.errors import SettingError
from cnnkit.experiment.call import recordable
from cnnkit.experiment.checks import expect_test_samples
from cnnkit.experiment.experiment import Experiment
from cnnkit.experiment.rebuild import build
from cnnkit.experiment.signature import defaults_of, name_of
from cnnkit.training.steps.precision import AUTO, has_bfloat16, is_worthwhile, precision_policy

SEEDS = 2**32


@contextlib.contextmanager
def built(
    experiment: Callable, settings: dict, seed: int | None, precision: str | None
) -> Iterator[tuple[Experiment, dict, int]]:
    """Call an experiment's function, and set its dtype policy for what follows.

    Args:
        experiment: The function.
        settings: Those that differ from its defaults.
        seed: As of `cnnkit.run`.
        precision: As of `cnnkit.run`.

    Yields:
        The Experiment, all settings, and the seed, while the policy is set.

    Raises:
        TypeError: As `cnnkit.run`.
        SettingError: As `cnnkit.run`.
    """
    with contextlib.ExitStack() as policies:
        name = policies.enter_context(precision_policy(None if precision == AUTO else precision))
        built = _called(experiment, settings, seed)
        possible = precision == AUTO and name == "float32" and has_bfloat16()
        if possible and is_worthwhile(built[0].network, built[0].batch_size):
            del built  # else memory would hold its data twice
            policies.enter_context(precision_policy("mixed_bfloat16"))
            built = _called(experiment, settings, seed)
        yield built


def _called(experiment: Callable, settings: dict, seed: int | None) -> tuple[Experiment, dict, int]:
    """Call an experiment's function; return its Experiment, all settings, and the seed."""
    settings = defaults_of(experiment) | settings
    try:
        inspect.signature(experiment).bind(**settings)
    except TypeError as error:
        known = ", ".join(defaults_of(experiment)) or "none"
        message = f"The experiment {name_of(experiment)!r} {error}; its settings are {known}."
        raise TypeError(message) from None
    settings = recordable(experiment, settings)
    chosen: int = settings.get("seed", 0) if seed is None else seed
    if not isinstance(chosen, numbers.Integral) or not 0 <= chosen < SEEDS:
        raise SettingError(f"A seed is a whole number from 0 to {SEEDS - 1}, not {chosen!r}.")
    chosen = int(chosen)  # of NumPy's, too
    if "seed" in settings:
        settings["seed"] = chosen

    resolved = build(experiment, settings, chosen)
    if not isinstance(resolved, Experiment):
        raise SettingError(
            f"The experiment {name_of(experiment)!r} should return an Experiment, "
            f"not {type(resolved).__name__}."
        )
    expect_test_samples(resolved.data)
    return resolved, settings, chosen
