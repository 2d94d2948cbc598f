"""A file of features whose writing was interrupted: its finished rows, and their checksums behind them."""

import os
import zlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

import numpy as np

CHECKSUM = np.dtype("<u4")


class Features(Protocol):
    """Features that can be computed batch by batch."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, ...) of all features."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Their type."""
        ...

    def rows(self, first_row: int = 0) -> Iterator[np.ndarray]:
        """Yield the features from a batch's first row to the last, a batch at a time."""
        ...

    def batches(self) -> Sequence[slice]:
        """Return which rows each batch has."""
        ...

    def batch(self, number: int) -> np.ndarray:
        """Compute the features of one batch."""
        ...


def finished_rows(file: BinaryIO, features: Features) -> list[int]:
    """Return the checksums of the rows that are written, and go to the end of these rows.

    Args:
        file: Open for reading and writing, or empty; it stands where the rows begin.
        features: What it is to hold.

    Returns:
        A CRC-32 a row; [] if there are none, or if one is wrong.
    """
    file.flush()
    begin, size = file.tell(), row_bytes(features)
    count = (os.fstat(file.fileno()).st_size - begin) // (size + CHECKSUM.itemsize)
    if count not in {batch.start for batch in features.batches()} - {0}:
        return []
    content = np.memmap(file, np.uint8, "r", begin, count * (size + CHECKSUM.itemsize))
    stored = content[count * size :].view(CHECKSUM).tolist()
    checksums = checksums_of(content[: count * size].reshape(count, size))
    if checksums != stored:
        return []
    file.seek(begin + count * size)
    return checksums


def keep_finished_rows(
    file: BinaryIO, begin: int, features: Features, checksums: Sequence[int]
) -> None:
    """Cut a file after its finished rows, and write their checksums behind them.

    Args:
        file: Open for writing.
        begin: Where its rows begin.
        features: What it is to hold.
        checksums: Those of the finished rows.
    """
    file.flush()  # an interrupt may come between a row and the note of its checksum
    file.seek(begin + len(checksums) * row_bytes(features))
    file.write(np.array(checksums, CHECKSUM).tobytes())
    file.truncate()
    file.flush()


def row_bytes(features: Features) -> int:
    """Return how many bytes one row takes.

    Args:
        features: The features.
    """
    return int(np.prod(features.shape[1:])) * features.dtype.itemsize


def checksums_of(rows: np.ndarray) -> list[int]:
    """Return the CRC-32 of each row.

    Args:
        rows: Features of shape (rows, ...).
    """
    return [zlib.crc32(row) for row in np.asarray(rows)]
