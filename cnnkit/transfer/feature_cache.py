"""A cache of features on disk, so that a frozen network sees each sample once.

CACHE/NETWORK-features-HASH/KEY.npy has the features of one split, as any NumPy reads them. HASH is
of the network: its graph, its weights, and the version and backend of Keras. KEY is of that, of the
samples' content and of the features' dtype, so that a change of any of them computes new features.
A file is written under another name, flushed, and then renamed. Where its writing is interrupted,
the finished rows stay as KEY.part, and the next call goes on from there. `cnnkit.data.cache` says
where CACHE is and how large it may be.

After the array, where NumPy does not look, comes the CRC-32 of each row, uint32, little-endian.
They are checked whenever a file is opened. If one is wrong, its batch is computed and its row
written again.
"""

import contextlib
import errno
import hashlib
import os
import re
import tempfile
import time
import uuid
import warnings
import zlib
from pathlib import Path
from typing import BinaryIO

import keras
import numpy as np

from cnnkit.data import cache
from cnnkit.transfer.unfinished_features import (
    CHECKSUM,
    Features,
    checksums_of,
    finished_rows,
    keep_finished_rows,
    row_bytes,
)

LAYOUT = 4  # increased when the meaning of a file changes, so that older files are not read
CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


class FeatureCache:
    """The cached features of one network.

    After a failure to write, it keeps all further features in memory.

    Args:
        model: The network whose outputs are cached.
    """

    def __init__(self, model: keras.Model):
        self._network = _fingerprint(model)
        suffix = f"{cache.FEATURES}{self._network[:16]}"
        # By the hash alone: Keras numbers the names of models, so that they differ between calls.
        folders = sorted(cache.cache_folder().glob(f"*{suffix}"))
        name = re.sub(r"[^\w.]+", "_", model.name)
        self._folder = folders[0] if folders else cache.cache_folder() / f"{name}{suffix}"
        self._start_time, self._is_full, self._has_warned = time.time(), False, False

    def rows(self, features: Features, content: str) -> np.ndarray:
        """Return features from the disk; those that are not there yet are computed first.

        Args:
            features: Computes what is missing.
            content: Describes the samples; part of the key.

        Returns:
            A memory-mapped array. If features cannot be written, an array in memory, after one
            warning. If they are larger than the cache may be, a memory map of a temporary file,
            which ends with the process.
        """
        key = f"{LAYOUT} {self._network} {features.dtype} {content}"
        path = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}.npy"
        cached = _read(path, features)
        if cached is not None:
            with contextlib.suppress(OSError):
                os.utime(path)  # the cache deletes first what was not used for longest
            return cached
        if _bytes(features) > cache.limit():
            return self._uncached(features)
        if not self._is_full:
            try:
                _write(path, features)
                cache.make_room(self._start_time)
            except OSError as error:
                self._is_full = True
                self._warn(
                    f"{self._folder.parent} cannot be written ({error.strerror or error}); make "
                    "room there, or set CNNKIT_CACHE to another folder"
                )
            else:
                cached = _read(path, features)
        return in_memory(features) if cached is None else cached

    def _uncached(self, features: Features) -> np.ndarray:
        self._warn(
            f"they take {_bytes(features) / 1e9:.2g} GB, and the cache may take "
            f"{cache.limit() / 1e9:g} (CNNKIT_CACHE_GIGABYTES)"
        )
        try:
            with tempfile.TemporaryFile() as file:
                _fill(file, features, [])
                return np.memmap(file, features.dtype, "r", 0, features.shape)
        except (OSError, ValueError):  # ValueError: nothing to map
            return in_memory(features)

    def _warn(self, reason: str) -> None:
        if not self._has_warned:
            warnings.warn(
                f"Features are not cached, and the next run computes them again: {reason}.",
                RuntimeWarning,
                stacklevel=5,
            )
        self._has_warned = True


def in_memory(features: Features) -> np.ndarray:
    """Compute features without a cache.

    Args:
        features: What to compute.

    Returns:
        An array in memory.
    """
    batches = list(features.rows())
    return np.concatenate(batches) if batches else np.empty(features.shape, features.dtype)


def _write(path: Path, features: Features) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, unfinished = path.with_name(f"{uuid.uuid4().hex}.part"), path.with_suffix(".part")
    header = {"descr": features.dtype.str, "fortran_order": False, "shape": features.shape}
    try:
        with contextlib.suppress(
            OSError
        ):  # renamed first, so that no other process goes on with it
            os.replace(unfinished, temporary)
        with open(temporary, "r+b" if temporary.exists() else "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            begin, checksums = file.tell(), finished_rows(file, features)
            try:
                _fill(file, features, checksums)
            except KeyboardInterrupt as error:
                keep_finished_rows(file, begin, features, checksums)
                os.replace(temporary, unfinished)
                error.add_note(
                    f"Features of {len(checksums):,} of {features.shape[0]:,} rows are cached; the "
                    "same command goes on from there."
                )
                raise
            file.write(np.array(checksums, CHECKSUM).tobytes())
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        cache.delete(temporary)


def _fill(file: BinaryIO, features: Features, checksums: list[int]) -> None:
    """Write the features that follow the finished rows, and note the checksum of each row."""
    file.flush()
    rest = _bytes(features) - len(checksums) * row_bytes(features)
    if hasattr(os, "posix_fallocate") and rest:
        try:  # find out that the disk is full before computing anything
            os.posix_fallocate(file.fileno(), file.tell(), rest + _checksum_bytes(features))
        except OSError as error:
            if error.errno not in CANNOT_RESERVE:
                raise
    for rows in features.rows(len(checksums)):
        # Not through a memory map: a full disk would then kill the process.
        file.write(rows.tobytes())
        checksums += checksums_of(rows)
    file.flush()


def _read(path: Path, features: Features) -> np.ndarray | None:
    """Return the rows of a file, mapped; None if it is missing or cannot be repaired."""
    try:
        rows = np.load(path, mmap_mode="r")
        if rows.shape != features.shape or rows.dtype != features.dtype:
            return None
        stored = np.fromfile(path, CHECKSUM, offset=rows.offset + rows.nbytes)
        if len(stored) != len(rows):
            return None
        damaged = np.flatnonzero(stored != np.array(checksums_of(rows), CHECKSUM))
        if len(damaged):
            _repair(path, rows.offset, damaged, features)
    except (OSError, ValueError, EOFError):
        return None
    return rows


def _repair(path: Path, offset: int, damaged: np.ndarray, features: Features) -> None:
    """Compute rows and write them, with their checksums, into the file in place."""
    with open(path, "r+b") as file:
        for number, chosen in enumerate(features.batches()):
            within = damaged[(damaged >= chosen.start) & (damaged < chosen.stop)]
            if not len(within):
                continue
            computed = features.batch(number)
            for row in within:
                values = computed[row - chosen.start].tobytes()
                file.seek(offset + row * len(values))
                file.write(values)
                file.seek(offset + _bytes(features) + row * CHECKSUM.itemsize)
                file.write(np.array(zlib.crc32(values), CHECKSUM).tobytes())


def _checksum_bytes(features: Features) -> int:
    return features.shape[0] * CHECKSUM.itemsize


def _bytes(features: Features) -> int:
    return int(np.prod(features.shape)) * features.dtype.itemsize


def _fingerprint(model: keras.Model) -> str:
    """Return a hash of a network: its weights, and its graph without the counters in names."""
    graph = re.sub(r"_\d+\b", "", model.to_json())
    digest = hashlib.sha256(f"{keras.__version__} {keras.backend.backend()} {graph}".encode())
    for array in model.get_weights():
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
