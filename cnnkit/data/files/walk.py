"""Walk a folder tree: list its files and folders without opening any file."""

import os
import re
import stat
from collections import deque
from pathlib import Path

DESKTOP_FILES = {"__macosx", "thumbs.db", "desktop.ini"}  # written by desktops, not by users
SPECIAL_FILES = {
    stat.S_IFIFO: "is a named pipe", stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device", stat.S_IFBLK: "is a device",
}  # fmt: skip
ALREADY_LISTED = "is a link to what is listed already"


def natural(name: str) -> tuple:
    """Return a key that sorts numbers inside names by value, and letters whatever their case.

    Args:
        name: The name to sort.

    Returns:
        A key for `sorted`.

    >>> sorted(["b10", "B9", "a", "b1"], key=natural)
    ['a', 'b1', 'B9', 'b10']
    """
    parts = re.split("([0-9]+)", name)
    return tuple(int(part) if part.isdecimal() else part.casefold() for part in parts), name


class Walk:
    """The files and folders of a tree. Hidden files and those of desktops are skipped.

    Real folders are visited before links, so that a link never takes the place of a folder. A link
    is followed unless its target is listed already.

    Args:
        root: The folder to walk.

    Attributes:
        files: Paths of regular files below the root, with "/" between folders.
        folders: Paths of folders below the root.
        bad: Reasons by path, of what can be opened neither as a file nor as a folder.
        ignored: Reasons by path, of links that are not followed.
    """

    def __init__(self, root: Path):
        self.root = root
        self.files: list[str] = []
        self.folders: list[str] = []
        self.bad: dict[str, str] = {}
        self.ignored: dict[str, str] = {}
        self._visited: set[tuple[int, int]] = set()  # device and inode
        self._folders, self._links = deque([""]), deque()
        while self._folders or self._links:
            if self._folders:
                self._list(self._folders.popleft())
            else:
                self._follow(self._links.popleft())

    def _list(self, folder: str) -> None:
        try:
            status = os.stat(self.root / folder)
            if (status.st_dev, status.st_ino) in self._visited:
                self.ignored[folder] = ALREADY_LISTED
                return
            self._visited.add((status.st_dev, status.st_ino))
            with os.scandir(self.root / folder) as entries:
                children = sorted(entries, key=lambda entry: natural(entry.name))
        except OSError as error:
            self.bad[folder] = f"is a folder that cannot be opened: {error.strerror}"
            return
        for entry in children:
            if not entry.name.startswith(".") and entry.name.casefold() not in DESKTOP_FILES:
                self._add(entry, f"{folder}/{entry.name}".lstrip("/"), status.st_dev)

    def _add(self, entry: os.DirEntry, path: str, device: int) -> None:
        if entry.is_symlink():
            self._links.append(path)
        elif entry.is_dir(follow_symlinks=False):
            self.folders.append(path)
            self._folders.append(path)
        elif entry.is_file(follow_symlinks=False):
            self.files.append(path)
            self._visited.add((device, entry.inode()))
        else:
            mode = entry.stat(follow_symlinks=False).st_mode
            self.bad[path] = SPECIAL_FILES.get(stat.S_IFMT(mode), "is not a regular file")

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
        if target in self._visited:
            self.ignored[path] = ALREADY_LISTED
        elif kind == stat.S_IFDIR:
            self.folders.append(path)
            self._folders.append(path)
        elif kind == stat.S_IFREG:
            self.files.append(path)
            self._visited.add(target)
        else:
            self.bad[path] = SPECIAL_FILES.get(kind, "is not a regular file")
