"""Decoded pixels kept on disk, so that an image is decoded once and read as bytes from then on.

CACHE/SETTINGS/ID.npy holds images of one shape, uint8, (images, height, width, channels), as any
NumPy reads it; ID.json beside it says of each the SHA-256 of the image file and the CRC-32 of the
pixels. Both are written under other names and renamed when whole, the .json last, so that
processes that fill one cache at once each add files of their own. What is damaged is as if it were
not there: a lost .json or .npy, or pixels whose checksum is wrong. `cnnkit.data.cache` says where
CACHE is, and deletes what was used longest ago.
"""

import contextlib
import json
import os
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cnnkit.data import cache

FILE_ROWS = 4096  # images a file: what is given up together when room is made
HEADER = 128  # bytes


class PixelCache:
    """The images of one shape, decoded by the same settings; `settings` names its folder."""

    def __init__(self, settings: str, shape: tuple[int, int, int]):
        self.folder, self.shape = cache.cache_folder() / settings, tuple(shape)
        self._rows: dict[bytes, tuple[str, int, int]] = {}  # digest: file, row, checksum
        self._verified: set[bytes] = set()
        self._used: set[str] = set()
        self._began = time.time()
        self.reload()

    def reload(self) -> None:
        """Learn what is there now; others may have added and deleted."""
        self._rows = {}
        for path in sorted(self.folder.glob("*.json")):
            rows = _index(path)
            pixels = path.with_suffix(".npy")
            if rows is None or not _has(pixels, len(rows), self.shape):
                for damaged in (path, pixels):
                    cache.delete(damaged)
                continue
            for row, (digest, checksum) in enumerate(rows):
                self._rows[bytes.fromhex(digest)] = (path.stem, row, checksum)

    def __contains__(self, digest: bytes) -> bool:
        if digest not in self._rows:
            return False
        name = self._rows[digest][0]
        if name not in self._used:
            self._used.add(name)
            with contextlib.suppress(OSError):
                os.utime(self._path(name).with_suffix(".json"))  # when it was used last
        return True

    def read(self, digests: Sequence[bytes], pixels: np.ndarray) -> list[int]:
        """Fill `pixels`, uint8, (images, height, width, channels); return which are not there.

        An image's checksum is looked at when this object reads it first.
        """
        missing = []
        with contextlib.ExitStack() as stack:
            files = {}  # opened anew for each batch: no position is shared with threads or forks
            for position, digest in enumerate(digests):
                name, row, checksum = self._rows.get(digest, (None, 0, 0))
                if name is not None and name not in files:
                    files[name] = _open(stack, self._path(name), "rb")
                file = None if name is None else files[name]
                if file is None or not self._fill(file, row, pixels[position]):
                    missing.append(position)
                elif digest not in self._verified:
                    if zlib.crc32(pixels[position]) == checksum:
                        self._verified.add(digest)
                    else:
                        missing.append(position)
        return missing

    def mend(self, digest: bytes, pixels: np.ndarray) -> None:
        """Write an image's pixels again where its own are damaged."""
        name, row, checksum = self._rows.get(digest, (None, 0, 0))
        if name is None or zlib.crc32(pixels.data) != checksum:
            return
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            file = _open(stack, self._path(name), "r+b")
            if file is not None:
                file.seek(HEADER + row * pixels.nbytes)
                file.write(pixels.tobytes())

    @contextlib.contextmanager
    def adding(self) -> Iterator["Writer"]:
        """Yield a Writer; what it was given is kept, and known to this object, at the end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        writer = Writer(self.folder, self.shape)
        try:
            yield writer
            writer.close()
        finally:
            writer.abandon()
        cache.make_room(self._began)
        self.reload()
        self._verified |= writer.digests  # their pixels were at hand when the checksum was taken

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    def _fill(self, file, row: int, pixels: np.ndarray) -> bool:
        file.seek(HEADER + row * pixels.nbytes)
        return file.readinto(pixels.reshape(-1).data) == pixels.nbytes


class Writer:
    """Adds images to a folder of the cache, in files of FILE_ROWS and in the order they come in."""

    def __init__(self, folder: Path, shape: tuple[int, ...]):
        self.folder, self.shape = folder, shape
        self.digests: set[bytes] = set()  # of what was added
        self._file: BinaryIO | None = None
        self._rows, self._lock = [], threading.Lock()

    def add(self, digest: bytes, pixels: np.ndarray) -> None:
        """Add an image, unless it was added before; any number of threads may do so at once."""
        pixels = np.ascontiguousarray(pixels)
        checksum = zlib.crc32(pixels.data)
        with self._lock:
            if digest in self.digests:
                return
            if self._file is None:
                self._path = self.folder / f"{uuid.uuid4().hex}.part"
                self._file = open(self._path, "wb")  # noqa: SIM115 (from one image to the next)
                self._file.write(_header(0, self.shape))
            self._file.write(pixels.data)
            self._rows.append((digest.hex(), checksum))
            self.digests.add(digest)
            if len(self._rows) == FILE_ROWS:
                self.close()

    def close(self) -> None:
        """Give what was written its name, and so its place in the cache."""
        if self._file is None:
            return
        self._file.seek(0)
        self._file.write(_header(len(self._rows), self.shape))
        self._file.close()
        self._file = None
        os.replace(self._path, self._path.with_suffix(".npy"))
        index = self._path.with_suffix(".index.part")
        index.write_text(json.dumps({"rows": self._rows}))
        os.replace(index, self._path.with_suffix(".json"))
        self._rows = []

    def abandon(self) -> None:
        """Delete what has no name yet."""
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


def _index(path: Path) -> list | None:
    """Return [digest, checksum] of each image of a file; None where the index is damaged."""
    try:
        rows = json.loads(path.read_text())["rows"]
        return [(digest, checksum) for digest, checksum in rows if len(bytes.fromhex(digest)) == 32]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _has(path: Path, rows: int, shape: tuple[int, ...]) -> bool:
    try:
        return path.stat().st_size == HEADER + rows * int(np.prod(shape))
    except OSError:
        return False


def _header(rows: int, shape: tuple[int, ...]) -> bytes:
    """Return the head of a .npy file, format 1.0, of HEADER bytes whatever the number of rows."""
    text = str({"descr": "|u1", "fortran_order": False, "shape": (rows, *shape)})
    return (
        b"\x93NUMPY\x01\x00"
        + struct.pack("<H", HEADER - 10)
        + text.ljust(HEADER - 11).encode()
        + b"\n"
    )


def _open(stack: contextlib.ExitStack, path: Path, mode: str):
    try:
        return stack.enter_context(open(path, mode, buffering=0))
    except OSError:  # deleted meanwhile to make room
        return None
