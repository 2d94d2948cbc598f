"""What a run ran on: enough to explain a difference, and to do it again."""

import contextlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras

PACKAGES = ("cnnkit", "keras", "tensorflow", "jax", "torch", "numpy", "tensorboard")
# What sets how many threads share a sum, and in which order, and so its last bits.
THREADS = (
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "XLA_FLAGS",
    "TF_ENABLE_ONEDNN_OPTS",
)  # fmt: skip


def environment(seed: int) -> dict:
    """Return versions, backend, devices, processor, cores, threads, precision, seed, and git's commit.

    Args:
        seed: Of the run.
    """
    return {
        "versions": {"python": platform.python_version()} | _versions(),
        "backend": keras.backend.backend(),
        "devices": keras.distribution.list_devices(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": {name: os.environ[name] for name in THREADS if name in os.environ},
        "precision": keras.config.dtype_policy().name,
        "seed": seed,
        "git": _git(),
    }


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _processor() -> str:
    """Return the processor's name, for a reader who compares times."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def _git() -> dict | None:
    """Return the commit and whether the tree was clean; None outside a checkout."""
    command = ["git", "status", "--porcelain=v2", "--branch"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = answer.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid")), "")
    if not commit or commit == "(initial)":  # nothing is committed yet
        return None
    return {"commit": commit, "clean": all(line.startswith("# ") for line in lines)}
