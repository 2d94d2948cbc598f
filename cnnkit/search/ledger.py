"""Which trials a search has, and which of them are still to be done.

A search plans its trials by adding them to Optuna's queue, so that workers on any number of machines
take each of them once. A trial whose worker is gone is added again, with its parameters; it keeps the
number of the original, its root. The record of both together is a chain.
"""

from collections.abc import Iterable

import optuna
from optuna.trial import FrozenTrial, TrialState

from cnnkit.search.storage import MOST_CRASHES

ERROR = "error"  # the trial's attribute that says why it failed
SURPLUS = "surplus"  # of a trial that was taken although it is another one's double
RUN = "run"  # the run's folder, as EXPERIMENT/NAME
UNFINISHED = (TrialState.WAITING, TrialState.RUNNING)


class FailedTrialError(Exception):
    """A trial has no result: its settings do not work, or it is another one's double."""


def root_of(trial: FrozenTrial) -> int:
    """Return the number under which a trial was planned.

    Args:
        trial: The trial, or one that takes it up again.
    """
    return trial.system_attrs.get("failed_trial", trial.number)


def chains(trials: Iterable[FrozenTrial]) -> dict[int, list[FrozenTrial]]:
    """Return the attempts at each planned trial, the oldest first.

    Args:
        trials: All of a study, in the order of their numbers.

    Returns:
        Lists of trials by their root, in its order; doubles are left out.
    """
    found: dict[int, list[FrozenTrial]] = {}
    for trial in trials:
        if not trial.user_attrs.get(SURPLUS):
            found.setdefault(root_of(trial), []).append(trial)
    return dict(sorted(found.items()))


def attempts(study: optuna.Study) -> dict[int, FrozenTrial]:
    """Return the last attempt at each planned trial, by its root.

    Args:
        study: The study.
    """
    return {root: chain[-1] for root, chain in chains(study.get_trials(deepcopy=False)).items()}


def is_surplus(study: optuna.Study, trial: FrozenTrial) -> bool:
    """Return whether a trial that was just taken is one too many, as two at once may add it.

    Args:
        study: The study, which knows how many trials are planned.
        trial: The trial.
    """
    known = chains(study.get_trials(deepcopy=False))
    root = root_of(trial)
    rank = list(known).index(root)
    others = [each for each in known[root] if each.number < trial.number]
    return rank >= planned(study) or any(not _is_lost(each) for each in others)


def planned(study: optuna.Study) -> int:
    """Return how many trials a search has, done or not.

    Args:
        study: The study.
    """
    return study.user_attrs.get("trials", 0)


def plan(study: optuna.Study, trials: int) -> None:
    """Add the trials that are missing, and those again whose workers are gone.

    Args:
        study: The study.
        trials: How many it should have, done or not; never fewer than before.
    """
    trials = max(trials, planned(study))
    study.set_user_attr("trials", trials)
    for _ in range(trials - len(chains(study.get_trials(deepcopy=False)))):
        study.add_trial(optuna.create_trial(state=TrialState.WAITING))
    for attempt in attempts(study).values():
        if _is_lost(attempt) and _crashes(attempt) < MOST_CRASHES:
            queue_again(study, attempt)


def queue_again(study: optuna.Study, trial: FrozenTrial) -> None:
    """Add a trial again that was interrupted, with its parameters and what it has reported.

    Args:
        study: The study.
        trial: The trial.
    """
    history = {"failed_trial": trial.number, "retry_history": []}
    study.add_trial(
        optuna.create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs=trial.user_attrs,
            system_attrs=history | trial.system_attrs,
            intermediate_values=trial.intermediate_values,
        )
    )


def waiting(study: optuna.Study) -> bool:
    """Return whether a trial waits for a worker.

    Args:
        study: The study.
    """
    return bool(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))


def running(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that a worker has, or had when it was killed.

    Args:
        study: The study.
    """
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _is_lost(trial: FrozenTrial) -> bool:
    """Return whether a trial ended without a result or a reason."""
    return trial.state is TrialState.FAIL and ERROR not in trial.user_attrs


def _crashes(trial: FrozenTrial) -> int:
    return len(trial.system_attrs.get("retry_history", []))
