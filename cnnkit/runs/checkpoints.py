"""Write and read checkpoints: a folder each, complete or not there, and checked when it is read.

A checkpoint holds arrays in `arrays.safetensors`, everything else in `state.json`, and the hashes of
both in `SHA256SUMS`. It is made in memory, written to a temporary folder, flushed, and then renamed.
So neither a killed process nor a full disk leaves half of one.
"""

import contextlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy

from cnnkit import atomic
from cnnkit.errors import RunFolderError
from cnnkit.runs import checksums, files

KEPT = 2  # if the last is damaged, resume uses the one before
ARRAYS, STATE = "arrays.safetensors", "state.json"
READ_ERRORS = (
    OSError, ValueError, LookupError, TypeError, RecursionError, safetensors.SafetensorError,
)  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """What resume needs.

    Attributes:
        epoch: How many epochs are done.
        step: How many steps of the next epoch are done.
        arrays: NumPy arrays by name.
        state: Anything that JSON can hold; numbers may be infinite or NaN.
    """

    epoch: int
    step: int
    arrays: dict[str, np.ndarray]
    state: dict

    @property
    def name(self) -> str:
        """The name of its folder. Names sort in the order of training."""
        return f"epoch-{self.epoch:06d}-step-{self.step:08d}"


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, and delete all but the last two.

    Args:
        folder: The folder of the run's checkpoints.
        checkpoint: The checkpoint.

    Raises:
        OSError: It cannot be written. The checkpoints that were there stay.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()}
    state = {"epoch": checkpoint.epoch, "step": checkpoint.step, "state": checkpoint.state}
    contents = {
        ARRAYS: safetensors.numpy.save(arrays),
        STATE: json.dumps(state, indent=1).encode(),
    }
    contents[checksums.NAME] = checksums.text_of(contents).encode()
    atomic.write_folder(folder / checkpoint.name, contents)
    _keep_last(folder)


def names(folder: Path) -> list[str]:
    """Return the names of the checkpoints of a run.

    Args:
        folder: The folder of the run's checkpoints.

    Returns:
        The names, the oldest first.
    """
    return sorted(
        path.name
        for path in folder.glob("epoch-*-step-*")
        if path.is_dir() and not path.is_symlink()
    )


def read(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: The checkpoint's own folder.

    Returns:
        The checkpoint.

    Raises:
        RunFolderError: It has changed since it was written.
    """
    reasons = checksums.damaged(path)
    if not reasons:
        try:
            state = json.loads(files.read_bytes(path, STATE, limit=None))
            arrays = safetensors.numpy.load(files.read_bytes(path, ARRAYS, limit=None))
            return Checkpoint(state["epoch"], state["step"], arrays, state["state"])
        except READ_ERRORS as error:
            reasons = {STATE: f"cannot be read: {error}"}
    listed = ", ".join(f"{name} {reason}" for name, reason in reasons.items())
    raise RunFolderError(f"The checkpoint {path} is damaged: {listed}.")


def latest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """Return the last checkpoint that is not damaged.

    Args:
        folder: The folder of the run's checkpoints.

    Returns:
        The checkpoint, or None if there is none, and what is wrong with each later one.

    Raises:
        RunFolderError: All checkpoints are damaged.
    """
    existing, damages = names(folder), []
    for name in reversed(existing):
        try:
            return read(folder / name), damages
        except RunFolderError as error:
            damages.append(str(error))
    if existing:
        raise RunFolderError(" ".join(["No checkpoint is whole.", *damages]))
    return None, []


def remove_after(folder: Path, last: Checkpoint | None) -> None:
    """Delete the checkpoints after one.

    Args:
        folder: The folder of the run's checkpoints.
        last: The last checkpoint to keep, or None to delete all.
    """
    for name in names(folder):
        if last is None or name > last.name:
            _delete(folder / name)


def _keep_last(folder: Path) -> None:
    for name in names(folder)[:-KEPT]:
        _delete(folder / name)
    for path in folder.glob(f".*{atomic.PART}"):  # of processes that were killed while they wrote
        shutil.rmtree(path, ignore_errors=True)


def _delete(path: Path) -> None:
    # Renamed first: a process that is killed here must not leave half a checkpoint under its name.
    out_of_the_way = path.with_name(f".{path.name}{atomic.PART}")
    with contextlib.suppress(OSError):
        os.rename(path, out_of_the_way)
        shutil.rmtree(out_of_the_way, ignore_errors=True)
