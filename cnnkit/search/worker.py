"""A worker of a search: a process that takes trials until there are none.

    python -m cnnkit.search.worker LOG < JOB

It reads its job as a line of JSON, and writes a line of JSON for each trial that it finished; what
else is printed goes to LOG. It lives as long as its standard input is open: when the parent closes
it, or ends in whatever way, the worker saves its training, puts the trial back and ends.
"""

import gc
import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import optuna

from cnnkit.errors import CnnkitError
from cnnkit.keras_import import import_keras
from cnnkit.search.job import Job
from cnnkit.search.samplers import pruner_of, sampler_of
from cnnkit.search.storage import open_storage, refusals_of
from cnnkit.search.taking import take_trials
from cnnkit.user_code.source import surroundings

REFUSED = 3  # the exit status of a worker that cannot work here


def work(job: Job, tell: Callable[[dict], None]) -> None:
    """Take a search's trials, one after the other, until none waits.

    Args:
        job: The search.
        tell: Called with what became of each trial.

    Raises:
        KeyboardInterrupt: The worker was stopped; its trial waits for another one.
        CnnkitError: No trial can be done here.
    """
    from cnnkit.search.trial import Trainer  # imports Keras, after it was imported quietly

    with surroundings(job.source), refusals_of(job.url):
        function = job.function()
        space = job.space(function)
        study = optuna.load_study(
            study_name=job.name,
            storage=open_storage(job.url, job.heartbeat),
            sampler=sampler_of(job.sampler, space, job.seed or 0, len(job.objectives)),
            pruner=pruner_of(job.pruner, len(job.objectives)),
        )
        trainer = Trainer(
            study, space, job.objectives, Path(job.runs_dir), job.seed, job.precision, job.command
        )
        take_trials(
            study, trainer.train, lambda fact: tell(fact | {"run_seconds": trainer.run_seconds})
        )


def main() -> None:
    """Be a worker."""
    lines = os.fdopen(os.dup(1), "w")
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    job = Job.from_json(json.loads(sys.stdin.readline()))
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_stop_with_the_parent, daemon=True).start()
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def tell(fact: dict) -> None:
        print(json.dumps(fact, default=str), file=lines, flush=True)

    status = 0
    try:
        import_keras()
        importlib.import_module("cnnkit.search.trial")
        gc.freeze()  # what libraries made is not looked through again after each trial: 0.3 s
        work(job, tell)
    except (KeyboardInterrupt, BrokenPipeError):
        status = 130
    except Exception as error:
        traceback.print_exc()
        known = isinstance(error, CnnkitError)
        words = str(error) if known else f"{type(error).__name__}: {error}"
        tell({"refused": words})
        status = REFUSED
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # the thread still reads, and TensorFlow takes seconds to end


def _stop(number, frame) -> None:
    raise KeyboardInterrupt


def _stop_with_the_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
