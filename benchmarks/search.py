"""Search: what it costs beyond its trials, what a second worker gains, and what it finds.

    python -m benchmarks.search overhead|workers|convnet [--trials N] [--epochs N] [--pruner NAME]

overhead: 20 trials of experiments/digits_lenet5.py by one worker. The time of the whole search is
    compared with the sum of the trials' own: building data and network, training, results and report.
    What is left is the start of parent and worker, Optuna and SQLite. The test of the chosen trial,
    which ends any run, is left out. --pruner median also reports the validation curves.
workers: the same 20 trials by one worker and by two, each with one core.
convnet: 60 trials of the space of plain networks, with the recipe of the hand-made experiment, on the
    same digits at 12 x 12 pixels; beside the hand-made experiment's validation accuracy over 5
    seeds. Both see the same splits, and test accuracy is of the chosen trial alone.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

# Each worker has one core, as `workers` compares it; a worker's environment is the parent's.
ONE_CORE = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}


def searched(path: str, trials: int, workers: int, **options):
    """Return a search, its seconds until its last trial, those of its runs, and the best's results."""
    from cnnkit import search  # after the environment is set
    from cnnkit.user_code import experiment_files

    began, told, own = time.perf_counter(), [], []

    def tell(fact: dict) -> None:
        told.append(time.perf_counter() - began)
        own.append(fact["run_seconds"])
        print(f"  trial {fact['trial']}: {fact['state']}, {fact['values']}, {fact['seconds']:.1f} s, "
              f"of which the run {own[-1]:.1f} s", flush=True)  # fmt: skip

    function = experiment_files.load(Path(path))
    with tempfile.TemporaryDirectory() as folder:
        found = search.run(
            function, trials=trials, workers=workers, runs_dir=folder, on_trial=tell, **options
        )
        return found, told[-1], sum(own), found.chosen.results


def overhead(trials: int, settings: dict, pruner: str) -> None:
    _, seconds, own, _ = searched(
        "experiments/digits_lenet5.py", trials, 1, pruner=pruner, **settings
    )
    print(
        f"{trials} trials, pruner {pruner}: {seconds:.1f} s, of which the runs themselves {own:.1f} "
        f"s: {seconds / own - 1:.1%} more; load {os.getloadavg()[0]:.1f}", flush=True,
    )  # fmt: skip


def workers(trials: int, settings: dict, pruner: str) -> None:
    os.environ |= ONE_CORE
    taken = {}
    for count in (1, 2):
        _, taken[count], _, _ = searched(
            "experiments/digits_lenet5.py", trials, count, pruner=pruner, **settings
        )
        print(f"{count} workers: {taken[count]:.1f} s; load {os.getloadavg()[0]:.1f}", flush=True)
    print(f"two are {taken[1] / taken[2]:.2f} times as fast as one", flush=True)


def convnet(trials: int, settings: dict, pruner: str) -> None:
    import cnnkit  # after the environment is set
    from cnnkit.user_code import experiment_files

    found, seconds, _, chosen = searched(
        "benchmarks/digits_convnet.py", trials, 2, pruner=pruner, **settings
    )
    print(
        f"best of {trials} trials: trial {found.number_of(found.best[0])}, validation accuracy "
        f"{found.best[0].value:.2%}, test {chosen['test']['accuracy']:.2%}; {seconds:.0f} s; "
        f"{found.best[0].params}", flush=True,
    )  # fmt: skip
    by_hand = experiment_files.load(Path("experiments/digits_lenet5.py"))
    with tempfile.TemporaryDirectory() as folder:
        results = [
            cnnkit.run(by_hand, runs_dir=folder, seed=seed, **settings).results for seed in range(5)
        ]
    for split in ("validation", "test"):
        scores = [each[split]["accuracy"] for each in results]
        print(
            f"by hand, 5 seeds: {split} accuracy {statistics.median(scores):.2%} (median; "
            f"{min(scores):.2%} to {max(scores):.2%})", flush=True,
        )  # fmt: skip


MEASURES = {"overhead": (overhead, 20), "workers": (workers, 20), "convnet": (convnet, 60)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measure", choices=MEASURES)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--pruner", default="none")
    options = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True
    )
    function, trials = MEASURES[options.measure]
    settings = {} if options.epochs is None else {"epochs": options.epochs}
    function(options.trials or trials, settings, options.pruner)


if __name__ == "__main__":
    main()
