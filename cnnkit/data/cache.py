"""What is kept on disk so that it is computed once: where it is, how much, and what makes room.

CACHE is the environment variable CNNKIT_CACHE, or ~/.cache/cnnkit; CNNKIT_CACHE_GIGABYTES bounds
it (10 unless set), and what was used longest ago goes first. In CACHE are folders of decoded images,
as `cnnkit.data.images.pixel_cache` has them, and of features, as `cnnkit.transfer.feature_cache` has them. Each holds
.npy files, each perhaps with a .json file beside it, and .part files that are being written.
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
CLOCK = 2  # seconds by which the times of files may be coarser than the clock
ABANDONED = 24 * 3600  # seconds after which a half-written file is nobody's any more


def cache_folder() -> Path:
    """Return the folder of the cache, whether it is there or not."""
    named = os.environ.get("CNNKIT_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cnnkit"


def limit() -> int:
    """Return the most bytes the cache may take; SettingError if its variable is no number."""
    text = os.environ.get("CNNKIT_CACHE_GIGABYTES", "10")
    try:
        return int(float(text) * 1e9)
    except (ValueError, OverflowError):
        raise SettingError(f"CNNKIT_CACHE_GIGABYTES is a number, not {text!r}.") from None


@dataclass(frozen=True)
class Kept:
    """One line of the cache's list."""

    settings: str
    samples: int
    bytes: int
    used: float  # seconds since 1970


def kept() -> list[Kept]:
    """Return what the cache holds, a line for each settings of images and each network."""
    lines = []
    for folder in _folders():
        files = _files(folder)
        samples = sum(_rows(path) for path in folder.glob("*.npy"))
        if files:
            size, used = sum(file.bytes for file in files), max(file.used for file in files)
            lines.append(Kept(folder.name, samples, size, used))
    return lines


def clear() -> int:
    """Delete what the cache holds, nothing else, and return how many bytes that were."""
    freed = 0
    for folder in _folders():
        for file in _files(folder):
            freed += delete(file.path, file.bytes)
        with contextlib.suppress(OSError):  # not empty: something is there that is not ours
            folder.rmdir()
    return freed


def make_room(since: float) -> None:
    """Delete what was used longest ago until the limit holds, and what was left half-written.

    since: seconds since 1970; what was used after that stays, whatever the limit.
    """
    files = [file for folder in _folders() for file in _files(folder)]
    over = sum(file.bytes for file in files) - limit()
    for file in sorted(files, key=lambda file: file.used):
        if file.path.suffix == ".part":
            if time.time() - file.used > ABANDONED:
                over -= delete(file.path, file.bytes)
        elif over > 0 and file.used < since - CLOCK:
            over -= delete(file.path, file.bytes)


def delete(path: Path, size: int = 0) -> int:
    """Delete a file and return its size; 0 where another process has it open."""
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
    used: float


def _folders() -> list[Path]:
    # Only what looks like ours: CNNKIT_CACHE may name a folder that holds other things.
    found = [*cache_folder().glob(f"*{DECODED}*"), *cache_folder().glob(f"*{FEATURES}{HASH}")]
    return sorted(path for path in found if path.is_dir())


def _files(folder: Path) -> list[_File]:
    found = []
    for path in [*folder.glob("*.npy"), *folder.glob("*.part"), *folder.glob("*.json")]:
        index = path.with_suffix(".json")
        with contextlib.suppress(OSError):  # deleted by another process meanwhile
            used = (index if index.exists() else path).stat().st_mtime
            found.append(_File(path, path.stat().st_size, used))
    return found


def _rows(path: Path) -> int:
    try:
        return len(np.load(path, mmap_mode="r"))
    except (OSError, ValueError, EOFError):  # damaged, or deleted meanwhile
        return 0
