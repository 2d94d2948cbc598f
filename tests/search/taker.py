"""A process that takes trials of a study, and writes down which: python taker.py URL LOG HEARTBEAT [HANG].

It trains nothing and needs no Keras. With HANG it stays for ever in the trial of that number.
"""

import os
import signal
import sys

import optuna

from cnnkit.search.storage import open_storage
from cnnkit.search.taking import take_trials


def write(log, *words):
    """Add a line at once, so that several processes can share a file."""
    line = " ".join(map(str, words)) + "\n"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, line.encode())
    os.close(descriptor)


def main():
    """Take trials until there are none."""
    url, log, heartbeat, hang = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(
        study_name="search",
        storage=open_storage(url, heartbeat),
        sampler=optuna.samplers.RandomSampler(),
    )

    def train(trial, root):
        x = trial.suggest_float("x", 0, 1)
        write(log, "begun", root, repr(x), os.getpid())
        if [str(root)] == hang:
            signal.pause()  # until it is killed
        write(log, "done", root, repr(x), os.getpid())
        return [x]

    take_trials(study, train, lambda fact: None)


if __name__ == "__main__":
    main()
