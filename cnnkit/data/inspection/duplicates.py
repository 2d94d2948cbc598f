"""Duplicate pictures: exact, with the same bytes, or near, with the same look."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from cnnkit.data.images.decode import display

ROWS = 1024  # pictures compared with all others at a time; bounds memory
# Measured on 110 photographs: copies at half the size and JPEG quality 60 differ in up to 3 of 64 bits
# and by up to 2 of 255; different photographs differ in at least 12 bits and by at least 13.
BITS = 6  # largest difference of near duplicates' bits
LEVELS = 6  # largest mean difference of near duplicates' thumbnails, of 255


def fingerprint(grey: Image.Image) -> tuple[int, bytes]:
    """Compute a fingerprint that hardly changes when a picture is resized or compressed.

    The bits say where brightness rises from left to right, in 8 rows of 9 cells (dHash: N. Krawetz,
    "Kind of Like That", The Hacker Factor 2013).

    Args:
        grey: A picture of mode "L".

    Returns:
        64 bits as an integer, and an 8 x 8 thumbnail as 64 bytes.
    """
    cells = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), np.int16)
    rises = np.packbits(cells[:, 1:] > cells[:, :-1])
    return int.from_bytes(rises.tobytes(), "big"), cells[:, :8].astype(np.uint8).tobytes()


def exact(digests: Sequence[bytes]) -> list[list[int]]:
    """Group equal digests.

    >>> exact([b"a", b"b", b"a", b"c", b"b"])
    [[0, 2], [1, 4]]

    Args:
        digests: A hash of each file's bytes.

    Returns:
        The positions of each digest that occurs more than once.
    """
    groups: dict[bytes, list[int]] = {}
    for position, digest in enumerate(digests):
        groups.setdefault(digest, []).append(position)
    return [group for group in groups.values() if len(group) > 1]


def apart(digests: Sequence[bytes], sides: Sequence, paths: Sequence[str]) -> dict[str, str]:
    """Find files that have the same content and are on different sides, such as different classes.

    >>> apart([b"1", b"2", b"1", b"2"], ["cat", "cat", "dog", "cat"], ["a", "b", "c", "d"])
    {'a': 'is also c'}

    Args:
        digests: A hash of each file's bytes.
        sides: Each file's side; anything that can be hashed.
        paths: Of the files.

    Returns:
        {path: what other files have its content}, with the first file of each content.
    """
    found = {}
    for group in exact(digests):
        if len({sides[i] for i in group}) > 1:
            first, *others = (display(paths[i]) for i in group)
            found[first] = f"is also {', '.join(others)}"
    return found


def in_words(files: Mapping[str, str], sides: str) -> str:
    """Say in a line that files have the same content on different sides.

    >>> in_words({"a": "is also c", "b": "is also d"}, "classes")
    'The same content in several classes: a is also c, and 1 more.'

    Args:
        files: From `apart`, at least one.
        sides: What the sides are.

    Returns:
        A sentence with the first file's name and the number of the others.
    """
    first, *more = (f"{path} {also}" for path, also in files.items())
    rest = f", and {len(more):,} more" if more else ""
    return f"The same content in several {sides}: {first}{rest}."


def near(bits: Sequence[int], thumbnails: Sequence[bytes], sides: Sequence) -> list[tuple]:
    """Find pictures that look alike and are on different sides, such as different splits.

    Each picture is compared with all later ones; 60,000 pictures take seconds. If there is only one
    side, nothing is compared.

    Args:
        bits: From `fingerprint`, for each picture.
        thumbnails: From `fingerprint`, for each picture.
        sides: Name of each picture's side.

    Returns:
        Pairs of positions, the smaller one first.
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
    """Return a mask of the columns after each row, so that each pair is compared once."""
    return np.arange(shape[1])[None, :] > np.arange(shape[0])[:, None]
