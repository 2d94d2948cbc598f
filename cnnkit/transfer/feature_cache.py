"""Features kept on disk, so that a frozen network sees each sample once.

CACHE/NETWORK-features-HASH/KEY.npy has one split's features, as any NumPy reads them. HASH is of
the network: its graph, its weights, and the Keras that runs it; KEY is of that, of the samples'
content, and of the type. So a change of anything computes anew. A file is written under another
name, flushed, and renamed when whole; `cnnkit.data.cache` says where CACHE is and how large.

Behind the features, where NumPy does not look, stands the CRC-32 of each row, uint32, little-endian.
They are looked at whenever a file is opened: of a row whose checksum is wrong, the batch is computed
again, and the row is written again.
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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import keras
import numpy as np

from cnnkit.data import cache

LAYOUT = 4  # counted up when a kept file's meaning changes, so that older ones are computed anew
CHECKSUM = np.dtype("<u4")
NO_RESERVING = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)


class Work(Protocol):
    """Features to compute: how many, of which type, and how."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of all features together."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Return their type."""
        ...

    def rows(self) -> Iterator[np.ndarray]:
        """Yield them from the first to the last, a batch at a time, in `dtype`."""
        ...

    def batches(self) -> Sequence[slice]:
        """Return which rows each batch has."""
        ...

    def batch(self, number: int) -> np.ndarray:
        """Compute one batch, in `dtype`."""
        ...


class FeatureCache:
    """The features that one network gives. After a failure to write, all are kept in memory."""

    def __init__(self, model: keras.Model):
        self._network = _fingerprint(model)
        own = f"{cache.FEATURES}{self._network[:16]}"
        # Keras counts on in the names of networks, so that a name alone finds nothing again.
        found = sorted(cache.cache_folder().glob(f"*{own}"))
        name = re.sub(r"[^\w.]+", "_", model.name)
        self._folder = found[0] if found else cache.cache_folder() / f"{name}{own}"
        self._began, self._full, self._told = time.time(), False, False

    def rows(self, work: Work, content: str) -> np.ndarray:
        """Return features from the disk, mapped, computing them first where they are not there.

        content: says what the features are of. Where they cannot be kept, that is warned of once,
        and they are in memory; or, where they are more than the cache may take, in a file without
        a name, which is gone with the process.
        """
        said = f"{LAYOUT} {self._network} {work.dtype} {content}"
        path = self._folder / f"{hashlib.sha256(said.encode()).hexdigest()[:40]}.npy"
        found = _read(path, work)
        if found is not None:
            with contextlib.suppress(OSError):
                os.utime(path)  # when it was used last
            return found
        if _bytes(work) > cache.limit():
            return self._not_kept(work)
        if not self._full:
            try:
                _write(path, work)
                cache.make_room(self._began)
            except OSError as error:
                self._full = True
                self._tell(
                    f"{self._folder.parent} cannot be written ({error.strerror or error}); make "
                    "room there, or set CNNKIT_CACHE to another folder"
                )
            else:
                found = _read(path, work)
        return in_memory(work) if found is None else found

    def _not_kept(self, work: Work) -> np.ndarray:
        self._tell(
            f"they take {_bytes(work) / 1e9:.2g} GB, and the cache may take {cache.limit() / 1e9:g} "
            "(CNNKIT_CACHE_GIGABYTES)"
        )
        try:
            with tempfile.TemporaryFile() as file:
                _fill(file, work)
                return np.memmap(file, work.dtype, "r", 0, work.shape)
        except (OSError, ValueError):  # ValueError: nothing to map
            return in_memory(work)

    def _tell(self, reason: str) -> None:
        if not self._told:
            warnings.warn(
                f"Features are not kept, and the next run computes them anew: {reason}.",
                RuntimeWarning,
                stacklevel=5,
            )
        self._told = True


def in_memory(work: Work) -> np.ndarray:
    """Return features that are kept nowhere else."""
    rows = list(work.rows())
    return np.concatenate(rows) if rows else np.empty(work.shape, work.dtype)


def _write(path: Path, work: Work) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{uuid.uuid4().hex}.part")
    header = {"descr": work.dtype.str, "fortran_order": False, "shape": work.shape}
    try:
        with open(temporary, "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.write(np.array(_fill(file, work), CHECKSUM).tobytes())
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        cache.delete(temporary)


def _fill(file: BinaryIO, work: Work) -> list[int]:
    """Write the features, and return the checksum of each row."""
    file.flush()
    if hasattr(os, "posix_fallocate") and _bytes(work):
        try:  # so that a full disk is known before anything is computed
            os.posix_fallocate(file.fileno(), file.tell(), _bytes(work) + _checksum_bytes(work))
        except OSError as error:
            if error.errno not in NO_RESERVING:
                raise
    checksums = []
    for rows in work.rows():
        # A full disk is an error here; in a mapped file it would end the process.
        file.write(rows.tobytes())
        checksums += _checksums(rows)
    file.flush()
    return checksums


def _read(path: Path, work: Work) -> np.ndarray | None:
    """Return a whole file's rows, mapped; None where there is none, or it is damaged for good."""
    try:
        rows = np.load(path, mmap_mode="r")
        if rows.shape != work.shape or rows.dtype != work.dtype:
            return None
        stored = np.fromfile(path, CHECKSUM, offset=rows.offset + rows.nbytes)
        if len(stored) != len(rows):
            return None
        damaged = np.flatnonzero(stored != np.array(_checksums(rows), CHECKSUM))
        if len(damaged):
            _mend(path, rows.offset, damaged, work)
    except (OSError, ValueError, EOFError):
        return None
    return rows


def _mend(path: Path, offset: int, damaged: np.ndarray, work: Work) -> None:
    """Write these rows and their checksums again; whoever has the file mapped sees them."""
    with open(path, "r+b") as file:
        for number, chosen in enumerate(work.batches()):
            within = damaged[(damaged >= chosen.start) & (damaged < chosen.stop)]
            computed = work.batch(number) if len(within) else np.empty(0)
            for row in within:
                features = computed[row - chosen.start].tobytes()
                file.seek(offset + row * len(features))
                file.write(features)
                file.seek(offset + _bytes(work) + row * CHECKSUM.itemsize)
                file.write(np.array(zlib.crc32(features), CHECKSUM).tobytes())


def _checksums(rows: np.ndarray) -> list[int]:
    return [zlib.crc32(row) for row in np.asarray(rows)]


def _checksum_bytes(work: Work) -> int:
    return work.shape[0] * CHECKSUM.itemsize


def _bytes(work: Work) -> int:
    return int(np.prod(work.shape)) * work.dtype.itemsize


def _fingerprint(model: keras.Model) -> str:
    """Return what a network computes as a hash: its graph, without the counters in names, and weights."""
    graph = re.sub(r"_\d+\b", "", model.to_json())
    digest = hashlib.sha256(f"{keras.__version__} {keras.backend.backend()} {graph}".encode())
    for array in model.get_weights():
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
