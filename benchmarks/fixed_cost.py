"""What a run costs beside its training: cnnkit against a bare Keras script, in processor seconds.

    python -m benchmarks.fixed_cost [--rounds 5] [--times 4]

Three pairs of processes take turns; the first round warms the file cache and is left out:

first step: `cnnkit run FILE` on the experiment digits_lenet5, and `benchmarks/keras_digits.py`, from
    the shell until a callback sees the end of the first step.
whole: `cnnkit run digits_lenet5` from shell to prompt, with its run folder, report, TensorBoard logs
    and checkpoints; the script loads the same data, trains as many epochs, and evaluates.
later run: what a run of one epoch costs in a process that has already made such a run: the median
    of all but the first. Test suites, searches and notebooks consist of these.

Ratios are ours over theirs: the median over the rounds, with the least and the greatest.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
CNNKIT = [sys.executable, "-c", "from cnnkit.cli import main; main()", "run"]
KERAS = [sys.executable, "-m", "benchmarks.keras_digits"]
ENDS_EARLY = '''
"""digits_lenet5, which ends after its first step."""
from dataclasses import replace
from benchmarks.keras_digits import EndAfterFirstStep
from experiments import digits_lenet5

def experiment():
    """digits_lenet5, which ends after its first step."""
    return replace(digits_lenet5.experiment(), callbacks=(EndAfterFirstStep(),))
'''
AGAIN = """
import json, sys, time
import cnnkit
from experiments import digits_lenet5

spent = []
for _ in range(int(sys.argv[1])):
    began = time.process_time()
    cnnkit.run(digits_lenet5.experiment, epochs=1, runs_dir=sys.argv[2])
    spent.append(time.process_time() - began)
print(json.dumps(spent), file=sys.stderr)
"""


def seconds(command: list[str]) -> tuple[float, float, str]:
    """Return what a process takes by the clock, its processor seconds, and its last line of errors."""
    began = time.perf_counter()
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env=environment,
    ) as process:  # fmt: skip
        words = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(words)
    lines = words.splitlines() or [""]
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, lines[-1]


def whole(command: list[str]) -> tuple[float, float]:
    """Return clock and processor seconds of a process."""
    return seconds(command)[:2]


def later(command: list[str]) -> tuple[float]:
    """Return the processor seconds of what a process repeats, the first time left out."""
    return (statistics.median(json.loads(seconds(command)[2])[1:]),)


def pairs(work: Path, times: int) -> dict[str, tuple[Callable, list[str], list[str]]]:
    """Return how each pair is measured, our command and theirs."""
    file, again, runs = work / "digits.py", work / "again.py", ["--runs-dir", f"{work}/runs"]
    file.write_text(ENDS_EARLY.lstrip())
    again.write_text(AGAIN)
    repeated = [sys.executable, str(again), str(times), f"{work}/runs"]
    return {
        "first step": (whole, [*CNNKIT, str(file), *runs], [*KERAS, "--first-step"]),
        "whole": (whole, [*CNNKIT, "digits_lenet5", *runs], KERAS),
        "later run": (later, repeated, [*KERAS, "--epochs", "1", "--times", str(times)]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--times", type=int, default=4, help="Runs of one epoch in a process.")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as work:
        compared = pairs(Path(work), options.times)
        rounds = [
            {name: (take(ours), take(theirs)) for name, (take, ours, theirs) in compared.items()}
            for _ in range(1 + options.rounds)
        ][1:]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python "
        f"{platform.python_version()}"
    )
    for name in compared:
        kinds = ["processor"] if name == "later run" else ["clock", "processor"]
        for place, kind in enumerate(kinds):
            mine, theirs = ([round_[name][who][place] for round_ in rounds] for who in range(2))
            ratios = [one / other for one, other in zip(mine, theirs, strict=True)]
            print(
                f"{name:10} {kind:9} cnnkit {statistics.median(mine):5.2f} s ({min(mine):.2f} to "
                f"{max(mine):.2f}), Keras {statistics.median(theirs):5.2f} s ({min(theirs):.2f} to "
                f"{max(theirs):.2f}): ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to "
                f"{max(ratios):.2f})"
            )


if __name__ == "__main__":
    main()
