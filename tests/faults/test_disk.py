"""Checkpoints on a disk that fails, fills up or forgets, and a process that dies over them."""

import builtins
import errno
import functools
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnkit.errors import RunFolderError
from cnnkit.runs import checkpoints, checksums
from cnnkit.runs.checkpoints import Checkpoint

ROOT = Path(__file__).parents[2]


def numbered(number, size=1000):
    """A checkpoint that any other number would not be mistaken for."""
    arrays = {"model/0000/kernel": np.full(size, number, "float32"), "count": np.array(number)}
    return Checkpoint(number, 3, arrays, {"number": number, "best": float("-inf")})


def number_of(checkpoint):
    assert (checkpoint.arrays["model/0000/kernel"] == checkpoint.epoch).all()
    assert checkpoint.arrays["count"] == checkpoint.state["number"] == checkpoint.epoch
    assert checkpoint.state["best"] == float("-inf")
    return checkpoint.epoch


@pytest.fixture
def folder(tmp_path):
    """A folder with two checkpoints."""
    for number in (1, 2):
        checkpoints.write(tmp_path, numbered(number))
    return tmp_path


def test_the_last_two_are_kept(folder):
    checkpoints.write(folder, numbered(3))
    assert sorted(os.listdir(folder)) == [
        "epoch-000002-step-00000003",
        "epoch-000003-step-00000003",
    ]
    found, wrong = checkpoints.latest(folder)
    assert number_of(found) == 3
    assert wrong == []


def test_arrays_come_back_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "turned": rng.normal(size=(3, 4)).T,
        "nothing": np.zeros((0, 2), "float16"),
        "one": np.array(7, "int64"),
        "seeds": np.array([0, 2**32 - 1], "uint32"),
        "odd": np.array([np.inf, -0.0, np.float32(1e-45)], "float32"),
    }
    checkpoints.write(tmp_path, Checkpoint(1, 2, arrays, {"text": "é", "nan": float("nan")}))
    found, _ = checkpoints.latest(tmp_path)
    assert {
        name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()
    } == {name: (array.dtype, array.shape, array.tobytes()) for name, array in found.arrays.items()}
    assert found.state["text"] == "é"


def failing_at(turn, patch):
    """Make the turn-th of all writes, fsyncs and renames fail; returns the calls there were."""
    calls = []

    def counted(action, *arguments):
        calls.append(action)
        if len(calls) == turn:
            raise OSError(errno.ENOSPC, "No space left on device")
        return action(*arguments)

    def opened(path, mode="r", *arguments, real=builtins.open, **options):
        file = real(path, mode, *arguments, **options)
        return Writing(file, lambda content: counted(file.write, content)) if "w" in mode else file

    for name in ("fsync", "rename"):
        patch.setattr(os, name, functools.partial(counted, getattr(os, name)))
    patch.setattr(builtins, "open", opened)
    return calls


def test_whatever_call_fails_a_whole_checkpoint_stays(tmp_path, monkeypatch):
    for turn in range(1, 100):
        folder = tmp_path / str(turn)
        for number in (1, 2):
            checkpoints.write(folder, numbered(number))
        with monkeypatch.context() as patch:
            calls = failing_at(turn, patch)
            failed = False
            try:
                checkpoints.write(folder, numbered(3))
            except OSError:
                failed = True
        found, wrong = checkpoints.latest(folder)
        assert wrong == []
        assert number_of(found) in ((2, 3) if failed else (3,))
        checkpoints.write(folder, numbered(4))  # and the next one is as if nothing had been
        assert number_of(checkpoints.latest(folder)[0]) == 4
        assert len(os.listdir(folder)) == 2
        if len(calls) < turn:
            break
    # Three files written and flushed, their folder and its own flushed, two renames.
    assert turn - 1 == 3 + 3 + 2 + 2


class Writing:
    """An open file whose `write` is another."""

    def __init__(self, file, write):
        self._file, self.write = file, write

    def __enter__(self):
        return self

    def __exit__(self, *arguments):
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_full_disk_is_an_exception_and_keeps_the_last_checkpoint(folder):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(OSError, match="File too large"):
            checkpoints.write(folder, numbered(3, size=1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert number_of(checkpoints.latest(folder)[0]) == 2
    assert len(os.listdir(folder)) == 2


def flipped(folder, flips, rng):
    """How many of so many single-bit flips, in any file of a checkpoint, are noticed."""
    path = folder / checkpoints.names(folder)[-1]
    files = sorted(path.iterdir())
    assert [file.name for file in files] == ["SHA256SUMS", "arrays.safetensors", "state.json"]
    noticed = 0
    for turn in range(flips):
        file = files[turn % len(files)]
        content = file.read_bytes()
        changed = bytearray(content)
        changed[rng.integers(len(content))] ^= 1 << rng.integers(8)
        file.write_bytes(changed)
        try:
            checkpoints.read(path)
        except RunFolderError:
            noticed += bool(checksums.damaged(path))
        file.write_bytes(content)
    assert checksums.damaged(path) == {}
    return noticed


def test_every_flipped_bit_is_noticed(folder):
    assert flipped(folder, 30, np.random.default_rng(0)) == 30


@pytest.mark.slow
def test_each_of_200_flipped_bits_is_noticed(folder):
    assert flipped(folder, 200, np.random.default_rng(1)) == 200


def test_where_all_are_damaged_nothing_is_used(folder):
    for name in checkpoints.names(folder):
        (folder / name / "state.json").unlink()
    with pytest.raises(RunFolderError, match=r"No checkpoint is whole.*state\.json cannot be read"):
        checkpoints.latest(folder)


def test_sha256sum_reads_the_same_table(folder):
    path = folder / checkpoints.names(folder)[0]
    subprocess.run(["sha256sum", "--check", "--strict", checksums.NAME], cwd=path, check=True,
                   capture_output=True)  # fmt: skip


# An alarm that nobody handles ends a process wherever it is, in the middle of a write, too.
WRITER = """
import signal
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[2], sys.argv[3]]
from test_disk import numbered
from cnnkit.runs import checkpoints
folder = Path(sys.argv[1])
found, wrong = checkpoints.latest(folder)
assert not wrong, wrong
first = number = found.epoch if found else 0
print("READY", flush=True)
while True:
    if number == first + 1:  # one is whole: the next are written until the alarm
        signal.setitimer(signal.ITIMER_REAL, float(sys.argv[4]))
    number += 1
    checkpoints.write(folder, numbered(number, size=200_000))
    print(number, flush=True)
"""


def lost(folder, kills, rng):
    """How many of so many kills inside a write lose a checkpoint that was reported as written."""
    losses = written = 0
    for _ in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), str(ROOT), str(Path(__file__).parent),
             str(rng.uniform(1e-5, 0.05))],
            stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            assert process.stdout.readline() == "READY\n"
            reported = [int(line) for line in process.stdout.read().split("\n")[:-1]]
        assert process.returncode == -signal.SIGALRM
        written = max([written, *reported])
        found, wrong = checkpoints.latest(folder)
        losses += bool(wrong) or number_of(found) < written
    return losses


def test_a_kill_inside_the_write_loses_nothing(tmp_path):
    assert lost(tmp_path, 3, np.random.default_rng(0)) == 0


@pytest.mark.slow
def test_200_kills_inside_the_write_lose_nothing(tmp_path):
    assert lost(tmp_path, 200, np.random.default_rng(1)) == 0
