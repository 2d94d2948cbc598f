"""What bfloat16 does to accuracy and time: experiments in both precisions, seed by seed.

    python -m benchmarks.precision [--experiments digits_lenet5 xo_convnet ...]
        [--seeds 0 1 2 3 4] [--epochs N] [--every N] [--measured FILE]

Each experiment trains with its defaults in float32 and in mixed_bfloat16, in turn, as `cnnkit run`
does. The test split is used once a run. Printed are both medians and the mean difference, bfloat16
less float32, with the 95 % interval of Student's t over the seeds. An interval that holds zero means
that no difference was seen. Times are of training alone; ratios are float32 over bfloat16.

--epochs: epochs of each training in place of the experiment's own.
--every: train on every Nth training image alone. All of a recipe's epochs then take a fraction of
    their time. All test images are used.
--measured: a file of JSON lines. Finished runs are added to it and not trained again.
"""

import argparse
import contextlib
import importlib
import io
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
from scipy import stats

import cnnkit
from cnnkit import data
from cnnkit.errors import MissingDataError
from cnnkit.training.steps.precision import has_bfloat16

SMALL = ("digits_lenet5", "xo_convnet", "sound_convnet", "text_convnet")
PRECISIONS = ("float32", "mixed_bfloat16")
KEY = ("experiment", "seed", "precision", "epochs", "every")  # of a measured line


@contextlib.contextmanager
def thinned(every: int) -> Iterator[None]:
    """Let experiments find every Nth training image alone, of those data sets that are at hand."""
    with tempfile.TemporaryDirectory() as folder:
        for load in (data.mnist, data.fashion_mnist, data.cifar10):
            with contextlib.suppress(MissingDataError):
                whole = load()
                parts = whole.train, whole.validation
                np.savez(
                    Path(folder) / f"{whole.name}.npz",
                    x_train=np.concatenate([part.inputs for part in parts])[::every],
                    y_train=np.concatenate([part.labels for part in parts])[::every],
                    x_test=whole.test.inputs,
                    y_test=whole.test.labels,
                )
        with mock.patch.dict(os.environ, CNNKIT_DATA=folder):
            yield


def measured(name: str, seed: int, precision: str, epochs: int | None) -> dict:
    """Run an experiment, and return its test accuracy and the seconds of its training."""
    experiment = importlib.import_module(f"experiments.{name}").experiment
    settings = {} if epochs is None else {"epochs": epochs}
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):  # the progress bar
            run = cnnkit.run(
                experiment, seed=seed, runs_dir=folder, precision=precision, **settings
            )
        results = run.results
    keras.backend.clear_session()
    return {
        "accuracy": results["test"]["accuracy"],
        "seconds": results["timing"]["training_seconds"],
    }


def report(name: str, found: dict[str, dict[int, dict]]) -> None:
    """Print one experiment's line."""
    one, other = (found[precision] for precision in PRECISIONS)
    seeds = sorted(set(one) & set(other))
    gains = [100 * (other[seed]["accuracy"] - one[seed]["accuracy"]) for seed in seeds]
    ratios = [one[seed]["seconds"] / other[seed]["seconds"] for seed in seeds]
    medians = [
        100 * statistics.median(side[seed]["accuracy"] for seed in seeds) for side in (one, other)
    ]
    half = 0.0
    if len(seeds) > 1:
        half = stats.t.ppf(0.975, len(seeds) - 1) * stats.sem(gains)
    mean = statistics.mean(gains)
    print(
        f"{name:16} float32 {medians[0]:.2f} %, bfloat16 {medians[1]:.2f} %; difference {mean:+.2f} "
        f"({mean - half:+.2f} to {mean + half:+.2f}, {len(seeds)} seeds); time "
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", nargs="+", default=SMALL)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int, help="of each; its own unless given")
    parser.add_argument("--every", type=int, help="training image is used; all unless given")
    parser.add_argument("--measured", type=Path)
    options = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Keras "
        f"{keras.__version__} on {keras.backend.backend()}; bfloat16 in hardware: {has_bfloat16()}",
        flush=True,
    )
    kept = {}
    if options.measured and options.measured.exists():
        lines = map(json.loads, options.measured.read_text().splitlines())
        kept = {tuple(line.get(name) for name in KEY): line for line in lines}
    with thinned(options.every) if options.every else contextlib.nullcontext():
        compare(options, kept)


def compare(options: argparse.Namespace, kept: dict[tuple, dict]) -> None:
    """Measure what was not measured before, and print a line an experiment."""
    for name in options.experiments:
        found = {precision: {} for precision in PRECISIONS}
        for seed in options.seeds:
            for precision in PRECISIONS:
                key = name, seed, precision, options.epochs, options.every
                if key not in kept:
                    found_now = measured(name, seed, precision, options.epochs)
                    kept[key] = dict(zip(KEY, key, strict=True)) | found_now
                    if options.measured:
                        with options.measured.open("a") as file:
                            file.write(json.dumps(kept[key]) + "\n")
                found[precision][seed] = kept[key]
        report(name, found)


if __name__ == "__main__":
    main()
