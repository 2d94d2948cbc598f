"""Seconds of `cnnkit runs` and `cnnkit compare --where` with thousands of finished runs.

python -m benchmarks.runs [RUN] [--runs 2000]

Copies the records of a finished run, with other names, seeds and scores, into a temporary folder.
Without RUN it makes one of LeNet-5 on the digits.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from cnnkit.runs.predictions import NAME as PREDICTIONS

RECORDS = ("status.json", "experiment.json", "environment.json", "dataset.json", "results.json",
           "metrics.csv", PREDICTIONS)  # fmt: skip
COMMAND = [sys.executable, "-c", "from cnnkit.cli import main; main(prog_name='cnnkit')"]
RATES = (1e-4, 3e-4, 1e-3, 3e-3)


def seconds(*words: str) -> str:
    """Run a command; return its seconds by the clock and of the processor."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*COMMAND, *words], check=True, stdout=subprocess.DEVNULL)
    elapsed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{elapsed:5.2f} ({used:5.2f} of the processor)"


def copies(original: Path, folder: Path, count: int) -> None:
    """Write runs that differ in learning rate and seed; what they answer differs at random."""
    random = np.random.default_rng(0)
    texts = {name: (original / name).read_text() for name in RECORDS[:-1]}
    arrays = load_file(original / PREDICTIONS)
    for number in range(count):
        run = folder / f"made_up_{number % 10}" / f"run{number:05}"
        run.mkdir(parents=True)
        recipe = json.loads(texts["experiment.json"])
        recipe["settings"] |= {"learning_rate": RATES[number // 10 % 4], "epochs": 10 + number % 10}
        recipe["seed"] = number // 40 % 5
        results = json.loads(texts["results.json"])
        results["test"]["accuracy"] = round(random.uniform(0.9, 1), 4)
        changed = {"experiment.json": json.dumps(recipe, indent=2)}
        changed |= {"results.json": json.dumps(results, indent=2)}
        for name, text in (texts | changed).items():
            (run / name).write_text(text)
        wrong = random.random(len(arrays["labels"])) < 0.04
        answers = np.where(wrong, (arrays["labels"] + 1) % 10, arrays["labels"])
        save_file(arrays | {"predicted": answers.astype(arrays["predicted"].dtype)}, run / PREDICTIONS)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--runs", type=int, default=2000)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="cnnkit_runs_"))
    try:
        if chosen.run is None:
            words = ("run", "--dataset", "digits", "--model", "lenet5", "--epochs", "2", "--name")
            seconds(*words, "original", "--runs-dir", str(folder / "first"))
            chosen.run = next((folder / "first").glob("*/original"))
        copies(chosen.run, folder / "runs", chosen.runs)
        runs_dir = ("--runs-dir", str(folder / "runs"))
        where = "dataset=digits and epochs>=1 and seed<5 and learning_rate<0.001"
        print(f"{chosen.runs} finished runs, seconds of a whole command:")
        print(f"  cnnkit runs, the first time        {seconds('runs', *runs_dir)}")
        for _ in range(3):
            print(f"  cnnkit runs                        {seconds('runs', *runs_dir)}")
        for _ in range(3):
            print(f"  cnnkit compare --where             {seconds('compare', '--where', where, *runs_dir)}")  # fmt: skip
        (folder / "runs" / ".index.json").unlink()
        print(f"  cnnkit compare --where, no index   {seconds('compare', '--where', where, *runs_dir)}")  # fmt: skip
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
