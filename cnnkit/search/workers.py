"""The workers of a search on this machine, and the parent that starts them."""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import optuna

from cnnkit.errors import SettingError, TrainingError
from cnnkit.search import ledger
from cnnkit.search.job import Job

THREADS = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
CRASHES = 3  # in a row without a finished trial, after which no worker is started again
FAILED_FIRST = 3  # trials that fail at the beginning, after which a search ends
SECONDS_TO_END = 60  # for a worker to save its training


class Workers:
    """Starts workers, passes on what they tell, and replaces one that was killed.

    Args:
        job: The search.
        study: The study.
        folder: The search's folder, for the workers' logs.
        count: How many work at a time.
        on_trial: Called with what became of each trial.
    """

    def __init__(
        self, job: Job, study: optuna.Study, folder: Path, count: int,
        on_trial: Callable[[dict], None],
    ):  # fmt: skip
        self.job, self.study, self.folder, self.count = job, study, folder, count
        self.on_trial, self._crashes, self._failed, self._succeeded = on_trial, 0, 0, False
        self._alive: dict[subprocess.Popen, int] = {}
        self._selector = selectors.DefaultSelector()

    def work(self) -> None:
        """Let workers do every trial of the search.

        Raises:
            SettingError: A worker cannot work here; its reason.
            TrainingError: Workers crash without a result, or the first trials all fail.
            KeyboardInterrupt: The workers have saved their trainings.
        """
        try:
            while True:
                self._fill()
                if self._alive:
                    self._listen()
                elif ledger.running(self.study):
                    self._wait_for_others()
                else:
                    break
        finally:
            self._end()

    def _fill(self) -> None:
        """Start workers, but no more than there are trials to take."""
        waiting = optuna.trial.TrialState.WAITING
        todo = len(self.study.get_trials(deepcopy=False, states=(waiting,)))
        free = sorted(set(range(1, self.count + 1)) - set(self._alive.values()))
        idle = max(todo - len(self._alive), 0) if self._alive else todo
        for number in free[:idle]:
            self._start(number)

    def _start(self, number: int) -> None:
        log = self.folder / f"worker-{number}.log"
        process = subprocess.Popen(
            [sys.executable, "-m", "cnnkit.search.worker", str(log)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._environment(),
            start_new_session=True,  # Ctrl-C is for the parent, which tells its workers
        )  # fmt: skip
        self._alive[process] = number
        asks, tells = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        with contextlib.suppress(BrokenPipeError):
            asks.write(json.dumps(self.job.as_json(), default=str) + "\n")
            asks.flush()
        self._selector.register(tells, selectors.EVENT_READ, process)

    def _environment(self) -> dict[str, str]:
        """Return the environment of a worker, which gets its share of the cores."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        share = str(max((cores or 1) // self.count, 1))
        shared = dict.fromkeys(THREADS, share) if self.count > 1 else {}
        # A worker imports the same cnnkit, wherever that lies.
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        return shared | os.environ | {"PYTHONPATH": path.rstrip(os.pathsep)}

    def _listen(self) -> None:
        """Hear from the workers until one has told something, or has ended."""
        for key, _ in self._selector.select():
            process: subprocess.Popen = key.data
            line = cast(IO[str], key.fileobj).readline()
            if line:
                self._hear(json.loads(line))
                continue
            self._selector.unregister(key.fileobj)
            number, status = self._alive.pop(process), process.wait()
            _close(process)
            if status:
                self._crashes += 1
                if self._crashes >= CRASHES:
                    raise TrainingError(
                        f"{CRASHES} workers of {self.job.name!r} ended without a result, the last "
                        f"with status {status}: see {self.folder / f'worker-{number}.log'}."
                    )

    def _hear(self, fact: dict) -> None:
        if "refused" in fact:
            raise SettingError(fact["refused"])
        self._crashes = 0
        self.on_trial(fact)
        self._succeeded |= fact["state"] != "fail"
        self._failed += fact["state"] == "fail"
        if self._failed >= FAILED_FIRST and not self._succeeded:
            raise TrainingError(f"The first {self._failed} trials failed: {fact['error']}")

    def _wait_for_others(self) -> None:
        """Wait for trials of other machines, or of workers that were killed."""
        time.sleep(self.job.heartbeat)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            optuna.storages.fail_stale_trials(self.study)

    def _end(self) -> None:
        """Let workers save their trainings, and wait for them."""
        for process in self._alive:
            _close(process)  # which is how a worker hears that it should stop
        for process in self._alive:
            try:
                process.wait(SECONDS_TO_END)
            except (subprocess.TimeoutExpired, KeyboardInterrupt):
                process.kill()
                process.wait()
        self._alive.clear()
        self._selector.close()


def _close(process: subprocess.Popen) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
