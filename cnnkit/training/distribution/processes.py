"""Several processes that train together: JAX's distributed runtime, and what they have in common."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.errors import CnnkitError, SettingError
from cnnkit.training.distribution.backends import of_backend

AUTO = "auto"
ASKED = "KERAS_DISTRIBUTION_NUM_PROCESSES"  # which Keras reads, with two others
FORM = (
    'processes is "auto" under SLURM, Kubernetes or Open MPI, or ADDRESS:PORT,NUMBER,ID as JAX takes '
    'them, such as "10.0.0.1:1234,2,0"'
)
TEXT = 4096  # bytes of the texts that processes send


@dataclass(frozen=True)
class Process:
    """One of the processes that train together.

    Attributes:
        number: From 0; process 0 writes the run folder.
        count: How many there are.
    """

    number: int = 0
    count: int = 1


def join(processes: str | None) -> Process:
    """Join the processes that train together. Called before anything else is done with JAX.

    Args:
        processes: "auto" for addresses from SLURM, Kubernetes or Open MPI, or "ADDRESS:PORT,NUMBER,ID";
            None for those of the environment's KERAS_DISTRIBUTION_*, or no other process.

    Returns:
        Which this process is.

    Raises:
        SettingError: The processes cannot train together; the message says why.
    """
    if processes is None and ASKED not in os.environ:
        return Process()
    if keras.backend.backend() != "jax":
        raise SettingError(
            "Several processes train together on JAX alone (TensorFlow's MultiWorkerMirroredStrategy "
            f"does not train under Keras 3), and this backend is {keras.backend.backend()}: set "
            "KERAS_BACKEND=jax in each of them."
        )
    address = _address(processes)
    try:
        of_backend().initialize(*address)
    except (RuntimeError, ValueError, TypeError) as error:
        raise SettingError(_reason(error)) from error
    return Process(*of_backend().place())


def _address(processes: str | None) -> tuple:
    """Return what `keras.distribution.initialize` takes; nothing where it finds all itself."""
    if processes in (None, AUTO):
        return ()
    try:
        address, count, number = processes.rsplit(",", 2)
        chosen = address, int(count), int(number)
    except (AttributeError, ValueError):
        raise SettingError(f"{FORM}; not {processes!r}.") from None
    if ":" not in address or not 0 <= chosen[2] < chosen[1]:
        raise SettingError(f"{FORM}, with an ID from 0 to NUMBER - 1; not {processes!r}.")
    return chosen


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "must be called before" in text:
        return (
            "JAX has computed something before this process could join the others: call cnnkit.run "
            "with processes first of all, in a process of its own."
        )
    if "should be defined" in text or "must be defined" in text:
        return f"No cluster is found here, neither SLURM, Kubernetes nor Open MPI: {FORM}."
    return f"The processes cannot find each other ({text[:300]}): {FORM}."


def expect_same(process: Process, facts: Mapping[str, object]) -> None:
    """Refuse to train where a process differs from the first: all of them raise the same error.

    Args:
        process: This one.
        facts: What has to be the same, by its name; compared by hash.

    Raises:
        SettingError: Something differs; the message says what, and in which process.
    """
    if process.count == 1:
        return
    own = [hashlib.sha256(str(value).encode()).digest() for value in facts.values()]
    everyone = of_backend().gathered(np.frombuffer(b"".join(own), np.uint8).reshape(len(facts), -1))
    for number, hashes in enumerate(everyone):
        names = [
            name for place, name in enumerate(facts) if (hashes[place] != everyone[0][place]).any()
        ]
        if names:
            of_backend().leave()
            raise SettingError(
                f"Process {number} differs from process 0 in {', '.join(names)}: all processes of a run "
                "need the same versions, experiment and data."
            )


def expect_all_well(process: Process, error: Exception | None) -> None:
    """Raise where any process failed, so that none waits for it.

    Args:
        process: This one.
        error: What it failed with; None if it did not.

    Raises:
        SettingError: Another process failed; its reason. This process' own error is raised as it is.
    """
    if process.count > 1:
        words = str(error) if isinstance(error, CnnkitError) else repr(error)
        reasons = _texts("" if error is None else words or repr(error))
        if any(reasons):
            of_backend().leave()
        for number, reason in enumerate(reasons):
            if reason and error is None:
                raise SettingError(f"Process {number} cannot begin: {reason}")
    if error is not None:
        raise error


def first_says(process: Process, text: str) -> str:
    """Return a text of the first process, in all of them.

    Args:
        process: This one.
        text: What it would say.
    """
    return text if process.count == 1 else _texts(text)[0]


def _texts(text: str) -> list[str]:
    content = text.encode()[:TEXT]
    padded = np.frombuffer(content.ljust(TEXT, b"\0"), np.uint8)
    return [
        bytes(row).rstrip(b"\0").decode(errors="replace") for row in of_backend().gathered(padded)
    ]
