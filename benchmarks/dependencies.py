"""What each dependency of the demo costs: megabytes on disk, and seconds of import in the demo's run.

    python -m benchmarks.dependencies [--epochs 1]

Sizes are those of the files that each distribution has installed, with compiled bytecode left out. The
demo, `python -m experiments.digits_lenet5`, runs once under `-X importtime`; a module's own time counts
for the distribution that it belongs to. What the demo never imports is marked.
"""

import argparse
import configparser
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


def required() -> dict[str, metadata.Distribution]:
    """Return the installed distributions that setup.cfg asks for, with all that these ask for."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    left, found = parser["options"]["install_requires"].split("\n"), {}
    while left:
        line = left.pop().strip()
        requirement = Requirement(line) if line else None
        if requirement is None or (
            requirement.marker and not requirement.marker.evaluate({"extra": ""})
        ):
            continue
        name = _normal(requirement.name)
        if name not in found:
            found[name] = metadata.distribution(requirement.name)
            left += found[name].requires or []
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def megabytes(distribution: metadata.Distribution) -> float:
    """Return the size of a distribution's files."""
    files = [Path(str(file.locate())) for file in distribution.files or ()]
    kept = (file for file in files if file.suffix != ".pyc" and file.is_file())
    return sum(file.stat().st_size for file in kept) / 1e6


def import_seconds(epochs: int) -> Counter:
    """Return how long the demo's run imports modules, by the first part of their names."""
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-X", "importtime", "-m", "experiments.digits_lenet5"]
        done = subprocess.run(
            [*command, "--epochs", str(epochs), "--runs-dir", runs], cwd=ROOT,
            capture_output=True, text=True, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    spent: Counter = Counter()
    for microseconds, module in LINE.findall(done.stderr):
        spent[module.partition(".")[0]] += int(microseconds) / 1e6
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    distributions, spent = required(), import_seconds(options.epochs)
    of_modules = metadata.packages_distributions()
    seconds: Counter = Counter()
    for module, time in spent.items():
        for name in {_normal(each) for each in of_modules.get(module, ())}:
            seconds[name] += time
    sizes = {name: megabytes(each) for name, each in distributions.items()}
    print(f"{len(sizes)} distributions, {sum(sizes.values()):.0f} MB")
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        imported = f"{seconds[name]:5.2f} s" if name in seconds else "not imported"
        print(f"{name:25} {sizes[name]:7.1f} MB  {imported}")


if __name__ == "__main__":
    main()
