"""The cache on disk: its folder, its size limit, and which files are deleted first.

The folder is CNNKIT_CACHE, or ~/.cache/cnnkit. CNNKIT_CACHE_GIGABYTES limits its size (default 10);
the least recently used files are deleted first. `cnnkit.data.images.pixel_cache` writes folders of
decoded images into it, and `cnnkit.transfer.feature_cache` folders of features. Each folder holds
.npy files, some with a .json file beside them, and .part files that are being written.
"""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnkit.errors import SettingError

DECODED, FEATURES = "-decoded-", "-features-"  # in the names of the cache's folders
HASH = "[0-9a-f]" * 16  # at the end of the names of features
CLOCK = 2  # seconds; file times may be that much coarser than the clock
ABANDONED = 24 * 3600  # seconds; no process still writes a .part file that is older


def cache_folder() -> Path:
    """Return the folder of the cache, whether it exists or not."""
    folder = os.environ.get("CNNKIT_CACHE")
    if folder:
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnnkit"


def limit() -> int:
    """Return how many bytes the cache may take.

    Raises:
        SettingError: CNNKIT_CACHE_GIGABYTES is not a number.
    """
    text = os.environ.get("CNNKIT_CACHE_GIGABYTES", "10")
    try:
        return int(float(text) * 1e9)
    except (ValueError, OverflowError):
        raise SettingError(f"CNNKIT_CACHE_GIGABYTES is a number, not {text!r}.") from None


@dataclass(frozen=True)
class CacheEntry:
    """One folder of the cache.

    Attributes:
        settings: The folder's name: the settings of decoded images, or a network's name and hash.
        samples: Rows in its .npy files.
        bytes: Size of all its files.
        last_used: Seconds since 1970.
    """

    settings: str
    samples: int
    bytes: int
    last_used: float


def entries() -> list[CacheEntry]:
    """Return an entry for each folder of the cache that has files, sorted by name."""
    listed = []
    for folder in _folders():
        files = _files(folder)
        samples = sum(_rows(path) for path in folder.glob("*.npy"))
        if files:
            size, used = sum(file.bytes for file in files), max(file.last_used for file in files)
            listed.append(CacheEntry(folder.name, samples, size, used))
    return listed


def clear() -> int:
    """Delete the cache's files, and no others.

    Returns:
        How many bytes were deleted.
    """
    freed = 0
    for folder in _folders():
        for file in _files(folder):
            freed += delete(file.path, file.bytes)
        with contextlib.suppress(OSError):  # not empty: it also holds files of other programs
            folder.rmdir()
    return freed


def make_room(since: float) -> None:
    """Delete the least recently used files until the limit holds, and abandoned .part files.

    Args:
        since: Seconds since 1970. Files used after that stay, whatever the limit.
    """
    files = [file for folder in _folders() for file in _files(folder)]
    over = sum(file.bytes for file in files) - limit()
    for file in sorted(files, key=lambda file: file.last_used):
        if file.path.suffix == ".part":
            if time.time() - file.last_used > ABANDONED:
                over -= delete(file.path, file.bytes)
        elif over > 0 and file.last_used < since - CLOCK:
            over -= delete(file.path, file.bytes)


def delete(path: Path, size: int = 0) -> int:
    """Delete a file.

    Args:
        path: The file; it may be missing.
        size: Its size in bytes.

    Returns:
        `size`, or 0 if the file cannot be deleted, because another process has it open for example.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return 0
    return size


@dataclass(frozen=True)
class _File:
    """A .npy file, or the .json file beside it, or a half-written file."""

    path: Path
    bytes: int
    last_used: float


def _folders() -> list[Path]:
    # Only names that cnnkit writes: CNNKIT_CACHE may be a folder with other files.
    cache = cache_folder()
    paths = [*cache.glob(f"*{DECODED}*"), *cache.glob(f"*{FEATURES}{HASH}")]
    return sorted(path for path in paths if path.is_dir())


def _files(folder: Path) -> list[_File]:
    files = []
    for path in [*folder.glob("*.npy"), *folder.glob("*.part"), *folder.glob("*.json")]:
        index = path.with_suffix(".json")
        with contextlib.suppress(OSError):  # another process deleted it
            used = (index if index.exists() else path).stat().st_mtime
            files.append(_File(path, path.stat().st_size, used))
    return files


def _rows(path: Path) -> int:
    try:
        return len(np.load(path, mmap_mode="r"))
    except (OSError, ValueError, EOFError):  # damaged, or deleted by another process
        return 0
