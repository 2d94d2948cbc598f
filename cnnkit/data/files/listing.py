"""What lies in a folder of images: every file accounted for, none opened.

Two conventions: CLASS/IMAGE, and SPLIT/CLASS/IMAGE where all folders at the top are split names.
Images may lie deeper inside a class folder. Hidden files, __MACOSX and other droppings of desktops
are skipped; a link is followed unless it leads to what is listed already.
"""

import os
import re
import stat
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cnnkit.data.images.decode import display
from cnnkit.errors import MissingDataError, SettingError

SPLITS = {
    "train": "train", "training": "train",
    "valid": "validation", "validation": "validation", "val": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
DROPPINGS = {"__macosx", "thumbs.db", "desktop.ini"}
NO_FILE = {
    stat.S_IFIFO: "is a named pipe", stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device", stat.S_IFBLK: "is a device",
}  # fmt: skip
LISTED = "is a link to what is listed already"


@dataclass(frozen=True, slots=True)
class File:
    """One image: its path below the root, the split it was put into, and its classes' indices."""

    path: str
    split: str | None
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Listing:
    """Everything found under `root`.

    bad: what should be an image and cannot be read as a file, path and reason.
    ignored: what is no part of the data, path and reason.
    multi_label: whether a file may have any number of classes, rather than exactly one.
    """

    root: Path
    files: tuple[File, ...]
    class_names: tuple[str, ...]
    bad: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    multi_label: bool = False

    def labels_of(self, files: Iterable[File]) -> np.ndarray:
        """Return labels as a Split has them: class indices, or 0 and 1 for each class."""
        files = list(files)
        if not self.multi_label:
            return np.array([file.labels[0] for file in files], np.int64)
        labels = np.zeros((len(files), len(self.class_names)), np.float32)
        for row, file in enumerate(files):
            labels[row, list(file.labels)] = 1
        return labels


def natural(name: str) -> tuple:
    """Return a key that sorts numbers inside names by value, and letters whatever their case.

    >>> sorted(["b10", "B9", "a", "b1"], key=natural)
    ['a', 'b1', 'B9', 'b10']
    """
    parts = re.split("([0-9]+)", name)
    return tuple(int(part) if part.isdecimal() else part.casefold() for part in parts), name


def list_folder(root: str | os.PathLike) -> Listing:
    """Return what a folder of images holds.

    Raises MissingDataError where there is no such folder, SettingError where it has no class
    folders, or both split and other folders at the top.
    """
    root = Path(root)
    if not root.is_dir():
        raise MissingDataError(f"There is no folder {display(root)}; check its path.")
    walk = _Walk(root)
    tops = sorted({path.split("/")[0] for path in walk.folders}, key=natural)
    depth = 2 if _are_splits(root, tops) else 1
    files, ignored = [], walk.ignored
    for path in sorted(walk.files, key=natural):
        if path.count("/") < depth:
            ignored[path] = "lies outside every class folder"
        else:
            files.append(path)
    classes = sorted({path.split("/")[depth - 1] for path in files}, key=natural)
    if not classes:
        raise SettingError(
            f"{display(root)} has no class folders with files; it should hold CLASS/IMAGE, "
            "or train/CLASS/IMAGE and the like."
        )
    for folder in walk.folders:
        if folder.count("/") == depth - 1 and folder.split("/")[-1] not in classes:
            ignored[folder] = "holds no files"
    index = {name: number for number, name in enumerate(classes)}
    return Listing(
        root=root,
        files=tuple(_file(path, depth, index) for path in files),
        class_names=tuple(display(name) for name in classes),
        bad=walk.bad,
        ignored=ignored,
    )


def _file(path: str, depth: int, index: dict[str, int]) -> File:
    parts = path.split("/", depth)
    split = SPLITS[parts[0].casefold()] if depth == 2 else None
    return File(path, split, (index[parts[depth - 1]],))


def _are_splits(root: Path, tops: list[str]) -> bool:
    named = [name for name in tops if name.casefold() in SPLITS]
    found = {SPLITS[name.casefold()] for name in named}
    if "train" not in found:
        return False
    if len(found) > 1 and len(named) < len(tops):
        others = ", ".join(display(name) for name in tops if name not in named)
        raise SettingError(
            f"{display(root)} has the splits {', '.join(named)} and, beside them, {others}: "
            "move these elsewhere, or the splits, if they are classes."
        )
    return len(named) == len(tops)


class _Walk:
    """Walks a folder tree: real folders first, so that a link never takes what has its own place."""

    def __init__(self, root: Path):
        self.root = root
        self.files: list[str] = []
        self.folders: list[str] = []
        self.bad: dict[str, str] = {}
        self.ignored: dict[str, str] = {}
        self._listed: set[tuple[int, int]] = set()
        self._folders, self._links = deque([""]), deque()
        while self._folders or self._links:
            if self._folders:
                self._enter(self._folders.popleft())
            else:
                self._follow(self._links.popleft())

    def _enter(self, folder: str) -> None:
        try:
            status = os.stat(self.root / folder)
            if (status.st_dev, status.st_ino) in self._listed:
                self.ignored[folder] = LISTED
                return
            self._listed.add((status.st_dev, status.st_ino))
            with os.scandir(self.root / folder) as entries:
                found = sorted(entries, key=lambda entry: natural(entry.name))
        except OSError as error:
            self.bad[folder] = f"is a folder that cannot be opened: {error.strerror}"
            return
        for entry in found:
            if not entry.name.startswith(".") and entry.name.casefold() not in DROPPINGS:
                self._sort_in(entry, f"{folder}/{entry.name}".lstrip("/"), status.st_dev)

    def _sort_in(self, entry: os.DirEntry, path: str, device: int) -> None:
        if entry.is_symlink():
            self._links.append(path)
        elif entry.is_dir(follow_symlinks=False):
            self.folders.append(path)
            self._folders.append(path)
        elif entry.is_file(follow_symlinks=False):
            self.files.append(path)
            self._listed.add((device, entry.inode()))
        else:
            mode = entry.stat(follow_symlinks=False).st_mode
            self.bad[path] = NO_FILE.get(stat.S_IFMT(mode), "is not a regular file")

    def _follow(self, path: str) -> None:
        try:
            status = os.stat(self.root / path)
        except FileNotFoundError:
            self.bad[path] = "is a link to nothing"
            return
        except OSError as error:
            self.bad[path] = f"is a link that cannot be followed: {error.strerror}"
            return
        target, kind = (status.st_dev, status.st_ino), stat.S_IFMT(status.st_mode)
        if target in self._listed:
            self.ignored[path] = LISTED
        elif kind == stat.S_IFDIR:
            self.folders.append(path)
            self._folders.append(path)
        elif kind == stat.S_IFREG:
            self.files.append(path)
            self._listed.add(target)
        else:
            self.bad[path] = NO_FILE.get(kind, "is not a regular file")
