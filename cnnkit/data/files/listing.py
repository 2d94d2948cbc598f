"""List the files of a folder of images, sounds or texts, with their splits and classes.

The folder holds CLASS/FILE, or SPLIT/CLASS/FILE if all folders at the top have the names of splits,
or SPLIT/SPLIT/CLASS/FILE as some archives unpack. Files may lie deeper inside a class folder. No file is opened.
"""

import itertools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cnnkit.data.files.parquet import ParquetFiles
from cnnkit.data.files.walk import Walk, natural
from cnnkit.data.images.decode import display, read
from cnnkit.errors import MissingDataError, SettingError

SPLITS = {
    "train": "train", "training": "train",
    "valid": "validation", "validation": "validation", "val": "validation",
    "validate": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
# A split's name as a word in a longer one, such as seg_train or train2017.
SPLIT_WORD = re.compile(rf"(.*?)(?<![^\W\d_])({'|'.join(SPLITS)})(?![^\W\d_])(.*)", re.DOTALL)
# A class of vehicles may be called train; these are never classes beside other folders.
CLASS_NAMES_TOO = {"train", "valid"}


@dataclass(frozen=True, slots=True)
class File:
    """A file of a data set.

    Attributes:
        path: Its path below the root.
        split: "train", "validation", "test", or None if the folder or table does not say.
        labels: Indices of its classes.
    """

    path: str
    split: str | None
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Listing:
    """The files of a data set, not yet opened.

    Attributes:
        root: The folder that paths are relative to.
        files: All files, in natural order or in that of the table.
        class_names: A name a class.
        bad: Reasons by path, of what is no readable file.
        ignored: Reasons by path, of what is no part of the data.
        multi_label: Whether a file may have any number of classes, rather than exactly one.
        inside: The table that the files are inside of; None where they lie in a folder.
    """

    root: Path
    files: tuple[File, ...]
    class_names: tuple[str, ...]
    bad: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    multi_label: bool = False
    inside: ParquetFiles | None = None

    def read(self, path: str) -> bytes:
        """Return the content of a file, which is not decoded.

        Args:
            path: Of one of the listing's files.

        Raises:
            BadImage: It cannot be read; the message is the reason.
        """
        return read(self.root / path) if self.inside is None else self.inside.read(path)

    def labels_of(self, files: Iterable[File]) -> np.ndarray:
        """Return the labels of files as a Split takes them.

        Args:
            files: Some of the listing's files.

        Returns:
            Class indices, int64, shape (files,); or, with `multi_label`, 0 and 1 for each class,
            float32, shape (files, classes).
        """
        files = list(files)
        if not self.multi_label:
            return np.array([file.labels[0] for file in files], np.int64)
        labels = np.zeros((len(files), len(self.class_names)), np.float32)
        for row, file in enumerate(files):
            labels[row, list(file.labels)] = 1
        return labels


def list_folder(root: str | os.PathLike) -> Listing:
    """List the files of a folder with their splits and classes.

    Args:
        root: A folder CLASS/FILE or SPLIT/CLASS/FILE.

    Returns:
        The files in natural order. Classes are named by their folders.

    Raises:
        MissingDataError: There is no such folder.
        SettingError: It has no class folders, or folders of splits beside other folders.
    """
    root = Path(root)
    if not root.is_dir():
        raise MissingDataError(f"There is no folder {display(root)}; check its path.")
    walk = Walk(root)
    tops = sorted({path.split("/")[0] for path in walk.folders}, key=natural)
    splits = _splits_at_top(root, tops, walk.folders)
    depth = 1 if not splits else 3 if _are_repeated(splits, walk) else 2
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
        files=tuple(_file(path, depth, index, splits) for path in files),
        class_names=tuple(display(name) for name in classes),
        bad=walk.bad,
        ignored=ignored,
    )


def split_of(name: str) -> str | None:
    """Return the split that a folder's name, or a word in a table's column `split`, stands for.

    Args:
        name: Such as "val", "Training" or "test_set".

    Returns:
        "train", "validation" or "test"; None for any other name.

    >>> split_of("training_set"), split_of("train station")
    ('train', None)
    """
    return SPLITS.get(re.sub(r"[ _-]?(set|data|images)$", "", name.casefold()))


def splits_of(names: Iterable[str]) -> dict[str, str]:
    """Return the split that each of several folders stands for, without those that stand for none.

    Names that are alike but for the word of a split are splits, too, whatever stands around it.

    Args:
        names: The folders' names.

    Returns:
        "train", "validation" or "test" by name.

    >>> splits_of(["seg_train", "seg_test", "seg_pred"])
    {'seg_train': 'train', 'seg_test': 'test'}
    """
    names = list(names)
    alike: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        if match := SPLIT_WORD.fullmatch(name.casefold()):
            before, word, after = match.groups()
            alike.setdefault((before, after), {})[name] = SPLITS[word]
    splits = {name: split for name in names if (split := split_of(name))}
    for group in alike.values():
        splits |= group if len(set(group.values())) > 1 else {}
    return splits


def _file(path: str, depth: int, index: dict[str, int], splits: dict[str, str]) -> File:
    parts = path.split("/", depth)
    return File(path, splits.get(parts[0]), (index[parts[depth - 1]],))


def _are_repeated(splits: dict[str, str], walk: Walk) -> bool:
    """Return whether each split's folder holds one folder of the same name, and nothing else."""
    inside: dict[str, set[str]] = {top: set() for top in splits}
    for path in (*walk.folders, *walk.files):
        top, _, rest = path.partition("/")
        if rest:
            inside[top].add(rest.split("/")[0])
    return all(children == {top} for top, children in inside.items())


def _splits_at_top(root: Path, tops: list[str], folders: list[str]) -> dict[str, str]:
    """Return the folders at the top with their splits; {} if they are classes. Refuse what may be either."""
    children: dict[str, set[str]] = {top: set() for top in tops}
    for folder in folders:
        if folder.count("/") == 1:
            top, child = folder.split("/")
            children[top].add(child)
    splits = splits_of(tops)
    named = list(splits)
    if not named:
        _refuse_same_subfolders(root, children)
        return {}
    if len(named) < len(tops):
        is_class = named[0].casefold() in CLASS_NAMES_TOO and not children[named[0]]
        if len(named) == 1 and is_class:
            return {}
        others = ", ".join(display(top) for top in tops if top not in named)
        raise SettingError(
            f"{display(root)} has the splits {', '.join(named)} and, beside them, {others}: "
            "move these elsewhere or name them train, validation or test; or, if all are classes, "
            "rename the splits."
        )
    _refuse_unclear_splits(root, splits)
    return splits


def _refuse_unclear_splits(root: Path, named: dict[str, str]) -> None:
    splits = list(named.values())
    if "train" not in splits:
        raise SettingError(
            f"{display(root)} has the splits {', '.join(named)} and none to train on: name one train."
        )
    if len(set(splits)) < len(splits):
        raise SettingError(
            f"{display(root)} has the splits {', '.join(named)}, of which two are the same: keep one "
            "folder each for train, validation and test."
        )


def _refuse_same_subfolders(root: Path, children: dict[str, set[str]]) -> None:
    """Refuse folders that share two subfolders: they look like splits under unknown names."""
    nested = {top: inside for top, inside in children.items() if len(inside) > 1}
    for one, other in itertools.combinations(nested, 2):
        shared = sorted(nested[one] & nested[other], key=natural)
        if len(shared) > 1:
            raise SettingError(
                f"In {display(root)}, the folders {display(one)} and {display(other)} both hold "
                f"{', '.join(map(display, shared[:5]))}: if they are splits, name them train, "
                "validation and test; if they are classes, list the files in a table."
            )
