"""Two processes beside one: how far their loss curves are apart, and what a step takes.

    KERAS_BACKEND=jax python -m benchmarks.devices [--steps N] [--batch-size N]

The digits experiment, with its augmentation, once by one process and once by two that talk over the
loopback interface; the global batch is the same. Losses are the mean since the epoch began, as Keras
shows them after every step. Seconds are the median of all steps but the first ten. Both processes
have the same cores: what is measured is what sharing costs, not what more machines gain.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

FIRST = 10  # steps in which caches and threads are still cold


def train(name: str, steps: int, batch_size: int, runs_dir: str, processes: str | None) -> None:
    """Train in this process, and print losses and times of the steps."""
    import keras  # a worker alone needs it

    import cnnkit  # as above
    from experiments.digits_lenet5 import experiment as digits  # as above

    losses, times = [], []

    class Note(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(float(logs["loss"]))
            times.append(time.perf_counter())
            self.model.stop_training = len(losses) >= steps

    def digits_steps(epochs: int = 1 + steps * batch_size // 1000):
        """The digits experiment, as long as its steps are looked at."""
        return dataclasses.replace(digits(epochs, batch_size=batch_size), callbacks=(Note(),))

    cnnkit.run(digits_steps, runs_dir=runs_dir, name=name, processes=processes)
    print("\n" + json.dumps({"losses": losses[:steps], "times": times[:steps]}))


def trained(name: str, options: argparse.Namespace, folder: str, count: int) -> tuple:
    """Return losses and seconds a step of so many processes."""
    words = [sys.executable, "-m", "benchmarks.devices", f"--steps={options.steps}",
             f"--batch-size={options.batch_size}", f"--runs-dir={folder}", f"--worker={name}"]  # fmt: skip
    port = 20000 + os.getpid() % 10000
    asked = [f"--processes=127.0.0.1:{port},{count},{each}" for each in range(count)]
    jobs = [
        subprocess.Popen(
            [*words, *([each] if count > 1 else [])], stdout=subprocess.PIPE, text=True
        )
        for each in asked
    ]
    printed = [job.communicate()[0] for job in jobs]
    told = json.loads(printed[0].splitlines()[-1])
    return np.array(told["losses"]), float(np.median(np.diff(told["times"])[FIRST:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--runs-dir")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--processes", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        train(
            options.worker, options.steps, options.batch_size, options.runs_dir, options.processes
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        one, seconds = trained("one", options, folder, 1)
        both, seconds_of_both = trained("two", options, folder, 2)
    print(
        f"{len(one)} steps of {options.batch_size}: two processes are within "
        f"{np.max(np.abs(both - one) / one):.1e} of one, relative; one {seconds * 1000:.1f} ms a step, "
        f"two {seconds_of_both * 1000:.1f} ms; load {os.getloadavg()[0]:.1f}"
    )  # fmt: skip


if __name__ == "__main__":
    main()
