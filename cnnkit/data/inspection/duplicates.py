"""Pictures that are there twice: exactly, by the bytes of their files, or nearly, by how they look."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

ROWS = 1024  # compared with all others at once
# Of 110 photographs, copies of half the size and JPEG quality 60 differ in up to 3 of 64 bits and by
# up to 2 of 255, and different photographs in at least 12 bits and by at least 13.
BITS = 6  # in which fingerprints may differ
LEVELS = 6  # by which thumbnails may differ on average


def fingerprint(grey: Image.Image) -> tuple[int, bytes]:
    """Return (64 bits, an 8 x 8 thumbnail) of a picture of mode L, much the same for its copies.

    The bits say where brightness rises from left to right, in 8 rows of 9 cells (N. Krawetz,
    "Kind of Like That", The Hacker Factor 2013: dHash).
    """
    cells = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), np.int16)
    rises = np.packbits(cells[:, 1:] > cells[:, :-1])
    return int.from_bytes(rises.tobytes(), "big"), cells[:, :8].astype(np.uint8).tobytes()


def exact(digests: Sequence[bytes]) -> list[list[int]]:
    """Return the positions of each content that is there more than once.

    >>> exact([b"a", b"b", b"a", b"c", b"b"])
    [[0, 2], [1, 4]]
    """
    groups: dict[bytes, list[int]] = {}
    for position, digest in enumerate(digests):
        groups.setdefault(digest, []).append(position)
    return [group for group in groups.values() if len(group) > 1]


def near(bits: Sequence[int], thumbnails: Sequence[bytes], sides: Sequence) -> list[tuple]:
    """Return pairs of positions of pictures that look alike and are on different sides.

    bits, thumbnails: as `fingerprint` returns. sides: what a pair must differ in, such as splits.
    Where there are sides, every picture is compared with every one after it: 60,000 take seconds.
    """
    names, numbers = np.unique(np.array(sides, str), return_inverse=True)
    if len(names) < 2:
        return []
    hashes = np.array(bits, np.uint64)
    cells = np.frombuffer(b"".join(thumbnails), np.uint8).reshape(-1, 64).astype(np.int16)
    pairs = []
    for start in range(0, len(hashes), ROWS):
        rows = slice(start, start + ROWS)
        distance = np.bitwise_count(hashes[rows, None] ^ hashes[None, start:])
        apart = numbers[rows, None] != numbers[None, start:]
        first, second = np.nonzero((distance <= BITS) & apart & _above(distance.shape))
        first, second = first + start, second + start
        alike = np.abs(cells[first] - cells[second]).mean(axis=1) <= LEVELS
        pairs += zip(first[alike].tolist(), second[alike].tolist(), strict=True)
    return pairs


def _above(shape: tuple[int, int]) -> np.ndarray:
    """Return where the column comes after the row, so that each pair is met once."""
    return np.arange(shape[1])[None, :] > np.arange(shape[0])[:, None]
