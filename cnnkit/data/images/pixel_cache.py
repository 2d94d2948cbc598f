"""A cache of decoded pixels on disk: each image is decoded once, then read as bytes.

CACHE/SETTINGS/ID.npy holds images of one shape, uint8, (images, height, width, channels), as NumPy
reads it. ID.json beside it lists, for each image, the SHA-256 of the image file and the CRC-32 of
the pixels. Files are written under temporary names and renamed when complete, the .json last, so
several processes can fill one cache. Damaged entries count as missing: a lost .json or .npy, or
pixels with a wrong checksum. `cnnkit.data.cache` says where CACHE is, and deletes the files that
were not used for the longest time.
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

FILE_ROWS = 4096  # images a file; a file is deleted as one when the cache is full
HEADER = 128  # bytes of a .npy file before its pixels


class PixelCache:
    """The cached images of one shape that were decoded with the same settings.

    `digest in cache` says whether an image is cached, and marks its file as used.

    Args:
        settings: Name of the folder below the cache.
        shape: Of one image, (height, width, channels).
    """

    def __init__(self, settings: str, shape: tuple[int, int, int]):
        self.folder, self.shape = cache.cache_folder() / settings, tuple(shape)
        self._rows: dict[bytes, tuple[str, int, int]] = {}  # digest: file, row, checksum
        self._verified: set[bytes] = set()
        self._used: set[str] = set()
        self._began = time.time()
        self.reload()

    def reload(self) -> None:
        """Read the index files again; other processes may have added or deleted images."""
        self._rows = {}
        for path in sorted(self.folder.glob("*.json")):
            rows = _index(path)
            pixels = path.with_suffix(".npy")
            if rows is None or not _has_size(pixels, len(rows), self.shape):
                cache.delete(path)
                cache.delete(pixels)
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
                os.utime(self._path(name).with_suffix(".json"))  # the time of last use
        return True

    def read(self, digests: Sequence[bytes], pixels: np.ndarray) -> list[int]:
        """Read cached images into an array.

        Checksums are verified the first time that this object reads an image.

        Args:
            digests: SHA-256 of each image file.
            pixels: Filled in place; uint8, shape (images, height, width, channels).

        Returns:
            Positions of the images that are not cached, or damaged.
        """
        missing = []
        with contextlib.ExitStack() as stack:
            files = {}  # opened for each batch, so threads and forks share no file position
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
        """Overwrite an image's damaged pixels in the cache.

        Args:
            digest: SHA-256 of the image file.
            pixels: Its pixels; ignored unless they have the checksum of the index.
        """
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
        """Add images to the cache.

        Yields:
            A Writer. At the end, its images are in the cache and this object knows them.

        Raises:
            OSError: The cache cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        writer = Writer(self.folder, self.shape)
        try:
            yield writer
            writer.close()
        finally:
            writer.abandon()
        cache.make_room(self._began)
        self.reload()
        self._verified |= writer.digests  # checksums were just computed from these pixels

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    def _fill(self, file, row: int, pixels: np.ndarray) -> bool:
        file.seek(HEADER + row * pixels.nbytes)
        return file.readinto(pixels.reshape(-1).data) == pixels.nbytes


class Writer:
    """Writes images to a folder of the cache, FILE_ROWS a file, in the order of arrival.

    Args:
        folder: The folder.
        shape: Of one image.

    Attributes:
        digests: SHA-256 of the image files that were added.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...]):
        self.folder, self.shape = folder, shape
        self.digests: set[bytes] = set()
        self._file: BinaryIO | None = None
        self._rows, self._lock = [], threading.Lock()

    def add(self, digest: bytes, pixels: np.ndarray) -> None:
        """Add an image unless it was added before; safe to call from many threads.

        Args:
            digest: SHA-256 of the image file.
            pixels: Its pixels, uint8, of the writer's shape.
        """
        pixels = np.ascontiguousarray(pixels)
        checksum = zlib.crc32(pixels.data)
        with self._lock:
            if digest in self.digests:
                return
            if self._file is None:
                self._path = self.folder / f"{uuid.uuid4().hex}.part"
                self._file = open(self._path, "wb")  # noqa: SIM115 (stays open for more images)
                self._file.write(_header(0, self.shape))
            self._file.write(pixels.data)
            self._rows.append((digest.hex(), checksum))
            self.digests.add(digest)
            if len(self._rows) == FILE_ROWS:
                self.close()

    def close(self) -> None:
        """Complete the current file and rename it into the cache."""
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
        """Delete the current file if it is incomplete."""
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


def _index(path: Path) -> list | None:
    """Read (digest, checksum) of each image of a file; None if the index is damaged."""
    try:
        rows = json.loads(path.read_text())["rows"]
        return [(digest, checksum) for digest, checksum in rows if len(bytes.fromhex(digest)) == 32]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _has_size(path: Path, rows: int, shape: tuple[int, ...]) -> bool:
    try:
        return path.stat().st_size == HEADER + rows * int(np.prod(shape))
    except OSError:
        return False


def _header(rows: int, shape: tuple[int, ...]) -> bytes:
    """Return the header of a .npy file, format 1.0, padded to HEADER bytes for any number of rows."""
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
    except OSError:  # deleted by another process that needed space
        return None
