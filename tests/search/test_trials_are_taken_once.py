"""Several processes share the trials of a study: none is done twice, and none is lost."""

import collections
import time

import optuna
import pytest
from optuna.trial import TrialState

from cnnkit.search import ledger

pytestmark = pytest.mark.once

TRIALS = 20
DATABASES = pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def lines(log, word):
    """What the takers wrote: [(root, x, pid), ...]."""
    found = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    return [(int(root), x, int(pid)) for kind, root, x, pid in found if kind == word]


def wait_until(condition, process):
    """Wait for another process, unless it ends."""
    while not condition():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def ended(process):
    assert process.wait(120) == 0, process.stderr.read()


@DATABASES
def test_three_processes_do_each_trial_once(database, taker, new_study, tmp_path):
    study, log = new_study(database, TRIALS), tmp_path / "log"
    for process in [taker(database, log, 60) for _ in range(3)]:
        ended(process)
    done = lines(log, "done")
    assert sorted(root for root, _, _ in done) == list(range(TRIALS))
    assert len({x for _, x, _ in done}) == TRIALS
    # Who finds the queue empty at the last moment makes a trial too many, and trains nothing for it.
    states = collections.Counter(trial.state for trial in ledger.attempts(study).values())
    assert states == {TrialState.COMPLETE: TRIALS}


@DATABASES
def test_a_killed_process_loses_its_trial_alone_and_that_is_taken_up_again(
    database, taker, new_study, tmp_path
):
    study, log = new_study(database, 4, heartbeat=1), tmp_path / "log"
    hanging = taker(database, log, 1, 1)
    wait_until(lambda: len(lines(log, "begun")) == 2, hanging)
    hanging.kill()  # in the trial 1, after it has done the trial 0
    hanging.wait()
    ended(taker(database, log, 1))  # what waits
    assert {root for root, _, _ in lines(log, "done")} >= {0, 2, 3}
    while not ledger.waiting(study) and ledger.running(study):
        time.sleep(0.2)  # until three signs of life are missed
        with pytest.warns(optuna.exceptions.ExperimentalWarning):
            optuna.storages.fail_stale_trials(study)
    ended(taker(database, log, 1))
    done, begun = lines(log, "done"), lines(log, "begun")
    assert sorted(root for root, _, _ in done) == [0, 1, 2, 3]
    first, again = [x for root, x, _ in begun if root == 1]
    assert first == again  # with its parameters
    assert {root: trial.state for root, trial in ledger.attempts(study).items()} == dict.fromkeys(
        range(4), TrialState.COMPLETE
    )


def sqlite(tmp_path):
    return f"sqlite:///{tmp_path / 'study.sqlite3'}"


def test_a_trial_that_is_killed_before_its_first_sign_of_life_was_never_taken(tmp_path, new_study):
    study = new_study(sqlite(tmp_path), 1)
    seen = []

    class Killed(BaseException):
        pass

    backend = study._storage._backend
    optunas = type(backend).__mro__[1].set_trial_state_values

    def killed(self, trial_id, state, values=None):
        seen.append(state)
        raise Killed

    type(backend).__mro__[1].set_trial_state_values = killed
    try:
        with pytest.raises(Killed), pytest.warns(UserWarning, match="Heartbeat"):
            study.ask()
    finally:
        type(backend).__mro__[1].set_trial_state_values = optunas
    assert seen == [TrialState.RUNNING]
    assert ledger.waiting(study)


def test_planning_again_adds_what_is_missing_and_nothing_else(tmp_path, new_study):
    study = new_study(sqlite(tmp_path), 3)
    ledger.plan(study, 3)
    assert len(study.trials) == 3
    ledger.plan(study, 5)
    ledger.plan(study, 4)  # never fewer than before
    assert len(study.trials) == 5
    assert ledger.planned(study) == 5


def test_a_trial_without_result_and_reason_is_planned_again_with_its_parameters(
    tmp_path, new_study
):
    study = new_study(sqlite(tmp_path), 2)
    with pytest.raises(ZeroDivisionError):
        study.optimize(lambda trial: trial.suggest_int("n", 1, 9) / 0, n_trials=1)
    ledger.plan(study, 2)
    ledger.plan(study, 2)
    again = ledger.attempts(study)[0]
    assert (again.state, again.params) == (TrialState.WAITING, study.trials[0].params)
    assert len(study.trials) == 3


def test_what_two_parents_plan_at_once_is_done_once(tmp_path, new_study):
    study = new_study(sqlite(tmp_path), 2)
    for _ in range(2):  # as if another parent had counted before these were there
        study.add_trial(optuna.create_trial(state=TrialState.WAITING))
    trials = study.get_trials(deepcopy=False)
    assert [ledger.is_surplus(study, trial) for trial in trials] == [False, False, True, True]
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    ledger.queue_again(study, study.trials[0])  # of a trial that has its result
    assert ledger.is_surplus(study, study.trials[-1])
