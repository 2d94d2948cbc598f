"""The precision of a run: which of Keras' dtype policies its network is built with."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import keras

from cnnkit.errors import SettingError
from cnnkit.models.anatomy import anatomy

AUTO = "auto"
# Multiply-adds of a step's forward pass. On two cores with AVX512-BF16, `benchmarks.precision` saw
# little or no gain with 33 million and fewer, and one from 53 million on.
WORTHWHILE = 40_000_000
# What multiplies bfloat16 in hardware; Linux' names.
PROCESSOR_FLAGS = {"avx512_bf16", "amx_bf16"}
CPUINFO = Path("/proc/cpuinfo")
# The first of NVIDIA's compute capabilities that multiply bfloat16 (Ampere).
GPU_CAPABILITY = 8.0


@contextlib.contextmanager
def precision_policy(precision: str | None) -> Iterator[str]:
    """Build models under another dtype policy in this context.

    Args:
        precision: A name that `keras.config.set_dtype_policy` knows, such as "float32" or
            "mixed_bfloat16" (weights in float32, layers in bfloat16); "auto" for "mixed_bfloat16"
            where the hardware has it, else "float32"; None for Keras' current policy.

    Yields:
        The name of the policy.

    Raises:
        SettingError: Keras knows no such policy.
    """
    before = keras.config.dtype_policy()
    if precision == AUTO:
        precision = "mixed_bfloat16" if has_bfloat16() else "float32"
    try:
        if precision is not None:
            keras.config.set_dtype_policy(precision)
    except (TypeError, ValueError):
        raise SettingError(
            f"precision is 'auto', 'float32', 'mixed_bfloat16' or another of Keras' dtype policies, "
            f"not {precision!r}."
        ) from None
    try:
        yield keras.config.dtype_policy().name
    finally:
        keras.config.set_dtype_policy(before)


def is_worthwhile(model: keras.Model, batch_size: int) -> bool:
    """Return whether a step multiplies enough for bfloat16 to save time.

    Args:
        model: The network. If its multiplications cannot be counted, the answer is yes.
        batch_size: Samples a step.
    """
    try:
        products = anatomy(model).multiply_adds
    except Exception:  # what cannot be counted must not stop a training that could go on
        return True
    return products is None or products * batch_size >= WORTHWHILE


def has_bfloat16() -> bool:
    """Return whether the hardware that Keras computes on multiplies bfloat16.

    NVIDIA's GPUs are asked through nvidia-smi. A processor counts on the TensorFlow backend alone,
    whose oneDNN uses these instructions; XLA's code for them was slower. Where neither can be asked,
    the answer is no.
    """
    # Asked for "gpu" alone, JAX raises an error where there is none.
    if any(name.startswith("gpu") for name in keras.distribution.list_devices()):
        return _gpu_capability() >= GPU_CAPABILITY
    return keras.backend.backend() == "tensorflow" and bool(PROCESSOR_FLAGS & _processor_flags())


def _processor_flags() -> set[str]:
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:  # no Linux
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


def _gpu_capability() -> float:
    """Return the least compute capability of NVIDIA's GPUs here; 0 where it is not known."""
    try:
        printed = subprocess.run(
            ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"],
            capture_output=True, text=True, check=True, timeout=10,
        ).stdout  # fmt: skip
        return min(map(float, printed.split()), default=0.0)
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0.0
