"""Seconds to a test accuracy: the fast recipes against a plain network, or against airbench.

    python -m benchmarks.time_to_accuracy mnist|fashion|cifar10 [--seeds 0 1 2 3 4]
        [--sides theirs ours] [--epochs 15] [--our-epochs 9] [--precision auto]
        [--measured FILE] [--plot FILE]

Theirs is the convnet of keras.io/examples/vision/mnist_convnet; for CIFAR-10 it is airbench's network
and recipe in PyTorch (`benchmarks.airbench`). Ours is experiments/mnist_fast.py, fashion_fast.py or
cifar10_fast.py. Both take turns, seed by seed, on the same 90 % of the training images, and validate
on the same 10 %.

Clock: from the start of the first step, compilation included, to the test accuracy.
Tests: ours is tested once, after the last epoch, with `test_time_augmentation` over shifts by a
    pixel (MNIST), the mirror image (Fashion-MNIST) or both (CIFAR-10). Validation chose these views.
    Airbench is tested once, with the six views of its recipe. The convnet is tested after every
    epoch; the first that reaches the accuracy counts, with the time of that one test.
Reached: the first tested epoch whose median over the seeds is at least the accuracy wanted. Wanted
    on MNIST are 99.0 % of theirs and 99.4 % of ours, on Fashion-MNIST 93.5 % and on CIFAR-10 93 % of
    both. Where ours falls short, that is printed, and its time is that of its end.
Ratio: theirs over ours, seed by seed, in seconds by the clock and in processor seconds: the median,
    with the minimum and the maximum. Processor seconds depend less on other programs.

Both sides run with TensorFlow's oneDNN. Ours trains in --precision; "auto" is bfloat16 where the
hardware has it.

--measured: a file of JSON lines. Finished trainings are added to it and not done again.
--plot: draw validation accuracy against time, and the tests, as PNG.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
from matplotlib.ticker import LogLocator

from benchmarks import keras_io
from benchmarks.accuracy_clock import Clock
from cnnkit import Experiment, data, plots
from cnnkit.evaluation.augmentation import test_time_augmentation
from cnnkit.runs import Run
from cnnkit.tensorboard.log import TensorBoardCallback
from cnnkit.training.checkpointing.callback_list import CheckpointSchedule
from cnnkit.training.checkpointing.signals import StopOnSignal
from cnnkit.training.loop import evaluate, fit
from cnnkit.training.steps.precision import AUTO, precision_policy
from experiments import cifar10_fast, fashion_fast, mnist_fast

SIDES = ("theirs", "ours")


def by_airbench(*arguments) -> list[dict]:
    from benchmarks import airbench  # of PyTorch, an optional peer

    return airbench.trained(*arguments)


@dataclasses.dataclass(frozen=True)
class Task:
    """A data set, our recipe for it, their training, and the test accuracy that each is to reach."""

    load: Callable[[], data.Dataset]
    experiment: Callable[[], Experiment]
    targets: dict[str, float]
    views: dict  # of `test_time_augmentation`: how ours looks at test images
    theirs: Callable[[data.Dataset, int, float], list[dict]] = keras_io.trained
    their_name: str = "mnist_convnet of keras.io"
    their_epochs: float = keras_io.EPOCHS

    def name(self, side: str) -> str:
        return "cnnkit" if side == "ours" else self.their_name


TASKS = {
    "mnist": Task(
        data.mnist,
        mnist_fast.experiment,
        {"theirs": 0.99, "ours": 0.994},
        views={"flip": False, "shift": 1},
    ),
    "fashion": Task(
        data.fashion_mnist,
        fashion_fast.experiment,
        {"theirs": 0.935, "ours": 0.935},
        views={"flip": True},
    ),
    "cifar10": Task(
        data.cifar10,
        cifar10_fast.experiment,
        {"theirs": 0.93, "ours": 0.93},
        views={"flip": True, "shift": 1},
        theirs=by_airbench,
        their_name="airbench in PyTorch",
        their_epochs=9.9,
    ),
}


def ours(task: Task, seed: int, precision: str, settings: dict) -> list[dict]:
    """Train our recipe as a run does, without its report, and return a row an epoch."""
    with precision_policy(precision):
        return _ours(task, seed, settings)


def _ours(task: Task, seed: int, settings: dict) -> list[dict]:
    keras.utils.set_random_seed(seed)
    clock, stop = Clock(), StopOnSignal()
    experiment = task.experiment(**settings)
    experiment = dataclasses.replace(experiment, callbacks=(*experiment.callbacks, clock))
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(folder, "time_to_accuracy")
        recipe = {"settings": {}, "experiment": "ours", "description": "", "seed": seed}
        log = TensorBoardCallback(run, recipe, experiment.model)
        with contextlib.redirect_stdout(io.StringIO()):  # the progress bar
            fitted = fit(experiment, run, log, stop, seed, CheckpointSchedule(None, None))
        images, plain = experiment.data, fitted.model
        several = test_time_augmentation(plain, **task.views)
        test, since = evaluate(several, images.test, images.class_names, stop), clock.since()
        once = evaluate(plain, images.test, images.class_names, stop)
        log.close(True)
    return clock.tested(test.accuracy, once.accuracy, since)


def reached(trainings: list[list[dict]], target: float) -> tuple[int, float] | None:
    """Return the first epoch, from 0, whose median test accuracy is the target, and that accuracy."""
    tested = [n for n in range(len(trainings[0])) if "test" in trainings[0][n]]
    for epoch in tested:
        median = statistics.median(rows[epoch]["test"] for rows in trainings)
        if median >= target:
            return epoch, median
    return None


def report(task: Task, found: dict[str, dict[int, list[dict]]]) -> None:
    """Print what each side reached and when, and the ratios."""
    ends = {}
    for side, by_seed in found.items():
        trainings = list(by_seed.values())
        last = [rows[-1]["test"] for rows in trainings]
        print(f"{task.name(side)}: {statistics.median(last):.2%} after {len(trainings[0])} epochs "
              f"({min(last):.2%} to {max(last):.2%}, {len(last)} seeds)")  # fmt: skip
        ends[side] = reached(trainings, task.targets[side])
        if ends[side] is None:
            print(f"  the median does not reach {task.targets[side]:.2%}")
            if side == "theirs":
                continue
            ends[side] = len(trainings[0]) - 1, statistics.median(last)
        epoch, median = ends[side]
        rows = [training[epoch] for training in trainings]
        seconds, processor = (
            statistics.median(row[f"test_{kind}"] for row in rows)
            for kind in ("seconds", "processor")
        )
        print(f"  {median:.2%} after {epoch + 1} epochs, {seconds:.1f} s, {processor:.1f} s of the "
              "processor")  # fmt: skip
    both = sorted(set.intersection(*(set(by_seed) for by_seed in found.values())))
    if len(found) < 2 or not both or None in ends.values():
        return
    for kind in ("seconds", "processor"):
        ratios = [
            found["theirs"][seed][ends["theirs"][0]][f"test_{kind}"]
            / found["ours"][seed][ends["ours"][0]][f"test_{kind}"]
            for seed in both
        ]
        print(f"ratio of {kind}: {statistics.median(ratios):.2f} "
              f"({min(ratios):.2f} to {max(ratios):.2f}, {len(both)} seeds)")  # fmt: skip


def figure(name: str, found: dict[str, dict[int, list[dict]]]):
    """Draw validation accuracy against processor seconds, a line a seed, and tests as dots."""
    drawn = plots.new_figure(6.4, 4)
    axes = drawn.subplots()
    for number, (side, by_seed) in enumerate(found.items()):
        for rows in by_seed.values():
            axes.plot([row["processor"] for row in rows], [row["validation"] for row in rows],
                      color=f"C{number}", linewidth=1)  # fmt: skip
            tested = [row for row in rows if "test" in row]
            axes.plot([row["test_processor"] for row in tested], [row["test"] for row in tested],
                      "o", color=f"C{number}", markersize=4)  # fmt: skip
        label = f"{TASKS[name].name(side)}, seeds {', '.join(map(str, sorted(by_seed)))}"
        axes.plot([], [], "o-", color=f"C{number}", label=label)
    axes.set(xlabel="seconds of the processor", ylabel="accuracy (line: validation, dot: test)",
             title=name, xscale="log")  # fmt: skip
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.xaxis.set_minor_formatter("{x:.0f}")
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=SIDES)
    parser.add_argument("--epochs", type=float, help="of theirs, unless as many as it has")
    parser.add_argument("--our-epochs", type=int, help="of ours, likewise")
    parser.add_argument("--precision", default=AUTO, help="of ours")
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    task, found = TASKS[options.task], {side: {} for side in options.sides}
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Keras "
          f"{keras.__version__} on {keras.backend.backend()}, oneDNN "
          f"{os.environ['TF_ENABLE_ONEDNN_OPTS']}, {options.precision}", flush=True)  # fmt: skip
    if options.measured and options.measured.exists():
        for line in options.measured.read_text().splitlines():
            kept = json.loads(line)
            if kept["task"] == options.task and kept["side"] in found:
                found[kept["side"]][kept["seed"]] = kept["epochs"]
    for seed in options.seeds:
        for side in found:
            if seed in found[side]:
                continue
            if side == "ours":
                settings = {"epochs": options.our_epochs} if options.our_epochs else {}
                found[side][seed] = ours(task, seed, options.precision, settings)
            else:
                epochs = options.epochs or task.their_epochs
                found[side][seed] = task.theirs(task.load(), seed, epochs)
            keras.backend.clear_session()
            line = {"task": options.task, "side": side, "seed": seed, "epochs": found[side][seed]}
            if options.measured:
                with options.measured.open("a") as file:
                    file.write(json.dumps(line) + "\n")
    report(task, found)
    if options.plot:
        options.plot.write_bytes(plots.png(figure(options.task, found)))


if __name__ == "__main__":
    main()
