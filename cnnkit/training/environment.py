"""What a run ran on: enough to explain a difference, and to do it again."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

import keras

PACKAGES = ("cnnkit", "keras", "tensorflow", "jax", "torch", "numpy", "tensorboard")
# What sets how many threads share a sum, and in which order, and so its last bits.
THREADS = (
    "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "XLA_FLAGS",
    "TF_ENABLE_ONEDNN_OPTS",
)  # fmt: skip


def environment(seed: int) -> dict:
    """Return versions, backend, devices, cores, threads, precision, seed, and git's commit.

    Args:
        seed: Of the run.
    """
    return {
        "versions": {"python": platform.python_version()} | _versions(),
        "backend": keras.backend.backend(),
        "devices": keras.distribution.list_devices(),
        "platform": platform.platform(),
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


def _git() -> dict | None:
    """Return the commit and whether the tree was clean; None outside a checkout."""
    try:
        answers = [
            subprocess.run(["git", *words], capture_output=True, text=True, check=True, timeout=10)
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        ]
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": answers[0].stdout.strip(), "clean": not answers[1].stdout.strip()}
