"""Checkpoints on disk: a folder each, written whole or not at all, and checked before it is read.

A checkpoint is arrays in `arrays.safetensors`, all else in `state.json`, and the hashes of both in
`SHA256SUMS`. It is made in memory, written beside its place, flushed, and only then given its name,
so that neither a killed process nor a full disk leaves half of one.
"""

import contextlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy

from cnnkit.errors import RunFolderError
from cnnkit.runs import atomic, checksums

KEPT = 2  # the one before the last is there for when the last is damaged
ARRAYS, STATE = "arrays.safetensors", "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """What resume needs.

    epoch: how many epochs are done; step: how many steps of the next one.
    arrays: by name. state: anything that JSON can hold; numbers may be infinite or NaN.
    """

    epoch: int
    step: int
    arrays: dict[str, np.ndarray]
    state: dict

    @property
    def name(self) -> str:
        """The name of its folder: names sort as the checkpoints follow each other."""
        return f"epoch-{self.epoch:06d}-step-{self.step:08d}"


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint below `folder`, and delete all but the last two.

    Raises OSError where that fails; whatever checkpoints there were are there still.
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
    """Return the names of the checkpoints below a folder, the oldest first."""
    return sorted(path.name for path in folder.glob("epoch-*-step-*") if path.is_dir())


def read(path: Path) -> Checkpoint:
    """Return a checkpoint; raises RunFolderError where a bit of it has changed."""
    wrong = checksums.damaged(path)
    if not wrong:
        try:
            state = json.loads((path / STATE).read_bytes())
            arrays = safetensors.numpy.load((path / ARRAYS).read_bytes())
            return Checkpoint(state["epoch"], state["step"], arrays, state["state"])
        except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
            wrong = {STATE: f"cannot be read: {error}"}
    listed = ", ".join(f"{name} {reason}" for name, reason in wrong.items())
    raise RunFolderError(f"The checkpoint {path} is damaged: {listed}.")


def latest(folder: Path) -> tuple[Checkpoint | None, list[str]]:
    """Return the last checkpoint that is whole, and what is wrong with any later one.

    None where there are none. Raises RunFolderError where there are some and all are damaged.
    """
    found, wrong = names(folder), []
    for name in reversed(found):
        try:
            return read(folder / name), wrong
        except RunFolderError as error:
            wrong.append(str(error))
    if found:
        raise RunFolderError(" ".join(["No checkpoint is whole.", *wrong]))
    return None, []


def remove_after(folder: Path, last: Checkpoint | None) -> None:
    """Delete the checkpoints after `last`, all of them where it is None."""
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
