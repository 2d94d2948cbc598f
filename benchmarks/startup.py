"""Start-up time of `cnnkit --help` against importing click, the least a click program can take.

python -m benchmarks.startup
"""

import os
import platform
import statistics
import subprocess
import sys
import time

ROUNDS = 31
THEIRS = [sys.executable, "-c", "import click"]
OURS = [sys.executable, "-c", "from cnnkit.cli import main; main()", "--help"]


def seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    pairs = [(seconds(OURS), seconds(THEIRS)) for _ in range(ROUNDS)][1:]  # the first fills caches
    ratios = sorted(ours / theirs for ours, theirs in pairs)
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    low, high = ratios[len(ratios) // 10], ratios[-1 - len(ratios) // 10]
    print(f"cnnkit --help          {ours * 1000:6.1f} ms")
    print(f"python -c import click {theirs * 1000:6.1f} ms")
    print(
        f"ratio {statistics.median(ratios):.2f} (80 % of {len(ratios)} pairs between {low:.2f} and "
        f"{high:.2f}), Python {platform.python_version()}, {os.cpu_count()} cores"
    )


if __name__ == "__main__":
    main()
