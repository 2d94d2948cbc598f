"""Inspect every file of a folder or table of images: what it contains and what is wrong with it."""

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from cnnkit import atomic
from cnnkit.data.files.listing import File
from cnnkit.data.files.pipeline import list_path
from cnnkit.data.images import threads
from cnnkit.data.images.decode import display
from cnnkit.data.inspection import duplicates, quarantine
from cnnkit.data.inspection.facts import Facts, examine
from cnnkit.errors import BadImage

BLANK, NEARLY_BLANK = 1.0, 6.0  # standard deviations of brightness, of 255
SHOWN = 5  # files that `summary` names for each problem
SHOWN_FOLDERS = 5  # names listed where a path is one folder too high
KINDS_BY_SUFFIX = {  # other suffixes do not say what kind a file is
    ".jpg": ("JPEG", "MPO"), ".jpeg": ("JPEG", "MPO"), ".png": ("PNG",), ".gif": ("GIF",),
    ".bmp": ("BMP",), ".tif": ("TIFF",), ".tiff": ("TIFF",), ".webp": ("WEBP",),
    ".avif": ("AVIF",), ".heic": ("HEIF",), ".heif": ("HEIF",),
}  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A readable image file of a data set.

    Attributes:
        path: Below the data set's root.
        split: Name of its split; "all" if the data set has no splits.
        classes: Names of its classes.
        facts: What was measured on it.
    """

    path: str
    split: str
    classes: tuple[str, ...]
    facts: Facts


@dataclass(frozen=True)
class Inspection:
    """The result of `inspect`.

    Attributes:
        root: The folder that paths are below.
        class_names: Names of the classes.
        pictures: The readable files, sorted by path.
        bad: Reasons by path, of the files that cannot be read.
        ignored: Reasons by path, of the files that do not belong to the data.
    """

    root: Path
    class_names: tuple[str, ...]
    pictures: tuple[Picture, ...]
    bad: dict[str, str]
    ignored: dict[str, str]

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the pictures of each class and split.

        Returns:
            {class: {split: number of pictures}}; the split is "all" if the data have no splits.
        """
        table = {name: Counter() for name in self.class_names}
        for picture in self.pictures:
            for name in picture.classes:
                table[name][picture.split] += 1
        return {name: dict(row) for name, row in table.items()}

    @cached_property
    def duplicates(self) -> list[tuple[Picture, ...]]:
        """Groups of pictures whose files have the same bytes."""
        groups = duplicates.exact([picture.facts.digest for picture in self.pictures])
        return [tuple(self.pictures[i] for i in group) for group in groups]

    @cached_property
    def near_duplicates(self) -> list[tuple[Picture, Picture]]:
        """Pairs of pictures that look alike, differ in their bytes and lie in different splits."""
        facts = [picture.facts for picture in self.pictures]
        pairs = duplicates.near(
            [each.bits for each in facts],
            [each.thumbnail for each in facts],
            [picture.split for picture in self.pictures],
        )
        return [
            (self.pictures[i], self.pictures[j])
            for i, j in pairs
            if facts[i].digest != facts[j].digest
        ]

    @cached_property
    def wrong(self) -> dict[str, dict[str, str]]:
        """Problems to solve before training, as {problem: {path: detail}}."""
        problems = {
            "cannot be read": {display(path): reason for path, reason in self.bad.items()},
            "the same picture in several classes": _repeated(self.duplicates, "classes"),
            "the same picture in several splits": _repeated(self.duplicates, "split"),
            "blank": self._deviating(0, BLANK),
            "only one class": self._only_class(),
        }
        return {title: files for title, files in problems.items() if files}

    @cached_property
    def notes(self) -> dict[str, dict[str, str]]:
        """Oddities that need no action, as {oddity: {path: detail}}.

        `cnnkit.data.images.decode` describes how odd files are decoded.
        """
        facts = [(display(picture.path), picture.facts) for picture in self.pictures]
        oddities = {
            "nearly blank": self._deviating(BLANK, NEARLY_BLANK),
            "alike, in different splits": {
                display(one.path): f"({one.split}) like {display(other.path)} ({other.split})"
                for one, other in self.near_duplicates
            },
            "the same picture again in its class and split": _repeated(self.duplicates, None),
            "turned by EXIF": {
                path: f"orientation {each.turn}" for path, each in facts if each.turn != 1
            },
            "animated, or of several pages": {
                path: f"{each.frames} frames" for path, each in facts if each.frames > 1
            },
            "named as another kind": {
                path: f"is {each.kind}"
                for path, each in facts
                if each.kind not in KINDS_BY_SUFFIX.get(Path(path).suffix.lower(), (each.kind,))
            },
            "no part of the data": {display(path): why for path, why in self.ignored.items()},
        }
        return {title: files for title, files in oddities.items() if files}

    def __repr__(self) -> str:
        pictures, classes = f"{len(self.pictures):,}", len(self.class_names)
        problems = ", ".join(f"{len(files)} {title}" for title, files in self.wrong.items())
        return f"<Inspection of {pictures} pictures of {classes} classes: {problems or 'nothing wrong'}>"

    def summary(self) -> str:
        """Return how many pictures each class has, and all that is wrong or odd, in lines of text."""
        lines = [
            f"{name}: {', '.join(f'{count:,} {split}' for split, count in row.items()) or 'none'}"
            for name, row in self.counts().items()
        ]
        for title, files in {**self.wrong, **self.notes}.items():
            lines.append(f"{title[:1].upper()}{title[1:]}: {len(files):,}")
            lines += [f"  {path}: {detail}" for path, detail in list(files.items())[:SHOWN]]
            if len(files) > SHOWN:
                lines.append(f"  and {len(files) - SHOWN:,} more")
        return "\n".join([*lines, *([] if self.wrong else ["Nothing is wrong."])])

    def move_out(self, paths: Iterable[str] | None = None) -> dict[str, str]:
        """Move files to a folder ROOT-quarantine beside the data set; nothing is deleted.

        Inspect once more afterwards: this inspection stays as it was.

        Args:
            paths: Of the files, below `root`. None takes those that cannot be read.

        Returns:
            Reasons by path, of those that could not be moved.
        """
        _, staying = quarantine.move_out(self.root, self.bad if paths is None else paths)
        return staying

    def move_back(self) -> dict[str, str]:
        """Move all files from the quarantine back to where they were.

        Returns:
            Reasons by path, of those that stay in the quarantine.

        Raises:
            MissingDataError: The data set has no quarantine.
        """
        _, staying = quarantine.move_back(self.root)
        return staying

    def write_csv(self, path: str | os.PathLike) -> None:
        """Write a CSV table with one row for each file, readable or not, which replaces an older one.

        Args:
            path: The table's file.
        """
        columns = [field.name for field in fields(Facts) if field.name not in ("thumbnail", "bits")]
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerow(["path", "split", "classes", *columns, "cannot_be_read"])
        for picture in self.pictures:
            row = [display(picture.path), picture.split, "|".join(picture.classes)]
            writer.writerow([*row, *(_cell(getattr(picture.facts, c)) for c in columns), ""])
        for name, reason in self.bad.items():
            writer.writerow([display(name), "", "", *[""] * len(columns), reason])
        atomic.write_text(Path(path), text.getvalue())

    def _only_class(self) -> dict[str, str]:
        if len(self.class_names) != 1:
            return {}
        (name,) = self.class_names
        folders: dict[str, set[str]] = {}  # subfolders, by the folder of the class
        for path in [*(picture.path for picture in self.pictures), *self.bad]:
            parts = path.split("/")
            depth = next((i for i, part in enumerate(parts[:-1]) if display(part) == name), None)
            if depth is not None and len(parts) > depth + 2:
                above = "/".join(parts[: depth + 1])
                folders.setdefault(above, set()).add(parts[depth + 1])
        for above, inside in folders.items():
            if len(inside) > 1:
                listed = ", ".join(display(folder) for folder in sorted(inside)[:SHOWN_FOLDERS])
                detail = f"holds {listed}: if these are the classes, give this folder's path"
                return {display(os.path.join(self.root, above)): detail}
        return {display(self.root): f"all pictures are of class {name!r}; training needs two"}

    def _deviating(self, low: float, high: float) -> dict[str, str]:
        return {
            display(picture.path): f"brightness deviates by {deviation:.1f} of 255"
            for picture in self.pictures
            if low <= (deviation := picture.facts.brightness_deviation) < high
        }


def inspect(
    path: str | os.PathLike, progress: Callable = lambda results, total: results
) -> Inspection:
    """Read every file of a folder or table of images, and report what is wrong or unusual.

    Args:
        path: A folder CLASS/IMAGE or SPLIT/CLASS/IMAGE, or a table of paths.
        progress: Called with an iterator over the files and their number; returns the iterator,
            with a progress bar around it, for example.

    Returns:
        The inspection: counts, sizes, bad files, duplicates, and pictures to look at.

    Raises:
        MissingDataError: There is nothing at the path.
        SettingError: The folder or the table allows no data set.
    """
    root = Path(path)
    listing = list_path(root)

    def examine_file(file: File) -> Facts | BadImage:
        try:
            return examine(listing.read(file.path))
        except BadImage as reason:
            return reason

    pictures, bad = [], dict(listing.bad)
    chunk = threads.CHUNK if listing.inside is None else 1
    results = progress(threads.ordered(examine_file, listing.files, chunk), len(listing.files))
    for file, result in zip(listing.files, results, strict=True):
        if isinstance(result, BadImage):
            bad[file.path] = str(result)
            continue
        classes = tuple(listing.class_names[label] for label in file.labels)
        pictures.append(Picture(file.path, file.split or "all", classes, result))
    return Inspection(listing.root, listing.class_names, tuple(pictures), bad, listing.ignored)


def _repeated(groups: list[tuple[Picture, ...]], attribute: str | None) -> dict[str, str]:
    """List groups that differ in an attribute; with None, groups of one class and one split."""
    listed = {}
    for group in groups:
        if attribute:
            wanted = len({getattr(picture, attribute) for picture in group}) > 1
        else:
            wanted = len({(picture.classes, picture.split) for picture in group}) == 1
        if wanted:
            first, *others = (display(picture.path) for picture in group)
            listed[first] = f"is also {', '.join(others)}"
    return listed


def _cell(value) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return " ".join(f"{number:.1f}" for number in value)
    return f"{value:.1f}" if isinstance(value, float) else str(value)
