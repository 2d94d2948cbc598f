"""Take the trials of a study: each once, and none lost."""

import time
from collections.abc import Callable, Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from cnnkit.errors import RunFolderError
from cnnkit.search import ledger
from cnnkit.search.study import OtherDataError

NOT_THE_TRIALS = (KeyboardInterrupt, RunFolderError, OtherDataError)


def take_trials(
    study: optuna.Study,
    train: Callable[[optuna.Trial, int], Sequence[float]],
    tell: Callable[[dict], None],
) -> None:
    """Take trials, one after the other, until none waits.

    Args:
        study: The study.
        train: Returns the values of Optuna's trial, which was planned under a number.
        tell: Called with what became of each trial.

    Raises:
        KeyboardInterrupt: In the training; the trial waits for another worker.
        CnnkitError: The same, for an error that is this worker's and not the trial's.
    """
    while ledger.waiting(study):
        taken, began = _Taken(study, train), time.perf_counter()
        try:
            study.optimize(taken, n_trials=1, catch=ledger.FailedTrialError)
        except NOT_THE_TRIALS:
            _put_back(study, taken.number)
            raise
        except Exception:
            if not _was_taken_away(study, taken.number):
                raise
            continue
        done = study.trials[taken.number]
        if not done.user_attrs.get(ledger.SURPLUS):
            tell(_fact(done, time.perf_counter() - began))


class _Taken:
    """Optuna's objective for one trial.

    Args:
        study: The study.
        train: As of `take_trials`.

    Attributes:
        number: The trial's number; -1 before there is one.
    """

    def __init__(self, study: optuna.Study, train: Callable):
        self.study, self.train, self.number = study, train, -1

    def __call__(self, trial: optuna.Trial) -> Sequence[float]:
        self.number = trial.number
        record = self.study.get_trials(deepcopy=False)[trial.number]
        if ledger.is_surplus(self.study, record):
            trial.set_user_attr(ledger.SURPLUS, True)
            raise ledger.FailedTrialError("it is another one's double")
        try:
            return self.train(trial, ledger.root_of(record))
        except (*NOT_THE_TRIALS, optuna.TrialPruned):
            raise
        except Exception as error:
            words = " ".join(f"{type(error).__name__}: {error}".split())
            trial.set_user_attr(ledger.ERROR, words)
            raise ledger.FailedTrialError(words) from error


def _fact(trial: FrozenTrial, seconds: float) -> dict:
    return {
        "trial": ledger.root_of(trial),
        "state": trial.state.name.lower(),
        "values": trial.values if trial.state is TrialState.COMPLETE else None,
        "params": trial.params,
        "error": trial.user_attrs.get(ledger.ERROR),
        "seconds": seconds,
    }


def _put_back(study: optuna.Study, number: int) -> None:
    if number >= 0 and _was_taken_away(study, number):
        ledger.queue_again(study, study.trials[number])


def _was_taken_away(study: optuna.Study, number: int) -> bool:
    """Return whether a trial failed without a reason: its worker was stopped, or was too slow."""
    if number < 0:
        return False
    trial = study.trials[number]
    return trial.state is TrialState.FAIL and ledger.ERROR not in trial.user_attrs
