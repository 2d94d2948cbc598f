"""Processes that train an epoch each in turn, so that other programs slow all of them alike.

An epoch lasts to the beginning of the next one, validation included.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras


class Turn(keras.callbacks.Callback):
    """In a process that `in_turn` has started: waits before each epoch until it is its turn."""

    def __init__(self):
        super().__init__()
        self._answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Keras' progress bar

    def on_epoch_begin(self, epoch, logs=None):
        if epoch:
            self._end()
        else:
            self.tell("ready")
        if not sys.stdin.readline():
            sys.exit("Whoever gave turns is gone.")
        self._began, self._began_processor = time.perf_counter(), time.process_time()

    def on_train_end(self, logs=None):
        self._end()

    def tell(self, answer) -> None:
        """Send what JSON can hold."""
        print(json.dumps(answer), file=self._answers, flush=True)

    def _end(self) -> None:
        self.tell([time.perf_counter() - self._began, time.process_time() - self._began_processor])


@dataclass(frozen=True)
class Epochs:
    """What a process's turns took, the first one left out, in which it compiles."""

    seconds: list[float]
    processor_seconds: list[float]
    told: dict  # at its end, if anything


def in_turn(
    commands: Mapping[str, Sequence[str]], environments: Mapping[str, dict], epochs: int
) -> dict[str, Epochs]:
    """Run commands, each in its environment, and let them train so many epochs, each in turn.

    Raises RuntimeError, with what a command wrote, where one ends before that.
    """
    with tempfile.TemporaryFile("w+") as errors:
        processes = {
            name: subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env=environments[name],
            )
            for name, command in commands.items()
        }  # fmt: skip
        try:
            return _turns(processes, epochs)
        except (ValueError, OSError) as error:
            errors.seek(0)
            raise RuntimeError(f"A peer has failed:\n{errors.read()}") from error
        finally:
            for process in processes.values():
                process.kill()
                process.communicate()


def _turns(processes: Mapping[str, subprocess.Popen], epochs: int) -> dict[str, Epochs]:
    for process in processes.values():
        json.loads(process.stdout.readline())
    found = {name: [] for name in processes}
    for _ in range(epochs):
        for name, process in processes.items():
            process.stdin.write("\n")
            process.stdin.flush()
            found[name].append(json.loads(process.stdout.readline()))
    told = {name: json.loads(process.stdout.read() or "{}") for name, process in processes.items()}
    return {
        name: Epochs(*map(list, zip(*turns[1:], strict=True)), told[name])
        for name, turns in found.items()
    }
