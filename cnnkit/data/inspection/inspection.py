"""Every file of a folder or table of images looked at: what there is, and what is wrong with it."""

import builtins
import csv
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from cnnkit.data.files.listing import File
from cnnkit.data.files.pipeline import list_path
from cnnkit.data.images import decode, jpeg, threads
from cnnkit.data.images.decode import BadImage, display
from cnnkit.data.inspection import duplicates

LOOKED_AT = 40  # pixels a side that a JPEG keeps at least: enough for what is measured here
BLANK, NEARLY_BLANK = 1.0, 6.0  # standard deviations of brightness, of 255
POWERS = np.arange(256.0)[:, None] ** np.arange(3)  # of each value that a channel may have
NAMED = {  # endings that say what kind a file is; others say nothing
    ".jpg": ("JPEG", "MPO"), ".jpeg": ("JPEG", "MPO"), ".png": ("PNG",), ".gif": ("GIF",),
    ".bmp": ("BMP",), ".tif": ("TIFF",), ".tiff": ("TIFF",), ".webp": ("WEBP",),
    ".avif": ("AVIF",), ".heic": ("HEIF",), ".heif": ("HEIF",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """What one readable file is.

    width, height: as the picture stands upright. turn: its EXIF orientation, 1 to 8. frames: how
    many it has. mean, deviation: of red, green and blue, 0 to 255, from a JPEG reduced to not less
    than LOOKED_AT pixels a side. brightness_deviation: of grey. digest: SHA-256 of the bytes.
    bits, thumbnail: see `duplicates.fingerprint`.
    """

    kind: str
    mode: str
    width: int
    height: int
    bytes: int
    turn: int
    frames: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    brightness_deviation: float
    digest: builtins.bytes
    bits: int
    thumbnail: builtins.bytes


def examine(content: bytes) -> Facts:
    """Return what is to be known of an image file's bytes; raises BadImage with the reason."""
    ordinary = jpeg.eighth(content, LOOKED_AT)
    if ordinary is not None:
        kind, turn, frames = "JPEG", 1, 1
        mode, (width, height), reduced = ordinary
        measured = _measured(Image.fromarray(reduced))
    else:
        with decode.opened(content) as image:
            kind, mode, (width, height) = str(image.format), image.mode, image.size
            image.draft(None, (LOOKED_AT, LOOKED_AT))
            pixels = decode.plain(image, 3)
            turn, frames = decode.orientation(image), _frames(image)
            measured = _measured(pixels)
    if turn in decode.SIDEWAYS:
        width, height = height, width
    digest = hashlib.sha256(content).digest()
    return Facts(
        kind=kind, mode=mode, width=width, height=height, bytes=len(content), turn=turn,
        frames=frames, digest=digest, **measured,
    )  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A readable file of a data set: its path, split and classes, and its facts."""

    path: str
    split: str
    classes: tuple[str, ...]
    facts: Facts


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found.

    pictures: the readable files, in the listing's order. bad: path and reason of the others.
    ignored: path and reason of what is no part of the data.
    """

    root: Path
    class_names: tuple[str, ...]
    pictures: tuple[Picture, ...]
    bad: dict[str, str]
    ignored: dict[str, str]

    def counts(self) -> dict[str, dict[str, int]]:
        """Return {class: {split: pictures}}; the split is "all" where the folder has none."""
        table = {name: Counter() for name in self.class_names}
        for picture in self.pictures:
            for name in picture.classes:
                table[name][picture.split] += 1
        return {name: dict(row) for name, row in table.items()}

    @cached_property
    def duplicates(self) -> list[tuple[Picture, ...]]:
        """Pictures whose files are the same, byte for byte, together."""
        groups = duplicates.exact([picture.facts.digest for picture in self.pictures])
        return [tuple(self.pictures[i] for i in group) for group in groups]

    @cached_property
    def near_duplicates(self) -> list[tuple[Picture, Picture]]:
        """Pairs that look alike, are not the same, and lie in different splits."""
        facts = [picture.facts for picture in self.pictures]
        pairs = duplicates.near(
            [own.bits for own in facts],
            [own.thumbnail for own in facts],
            [picture.split for picture in self.pictures],
        )
        found = [(self.pictures[i], self.pictures[j]) for i, j in pairs]
        return [pair for pair in found if pair[0].facts.digest != pair[1].facts.digest]

    @cached_property
    def wrong(self) -> dict[str, dict[str, str]]:
        """{what is wrong: {path: detail}}; empty where the data can be trained on as they are."""
        found = {
            "cannot be read": {display(path): reason for path, reason in self.bad.items()},
            "the same picture in several classes": _repeated(self.duplicates, "classes"),
            "the same picture in several splits": _repeated(self.duplicates, "split"),
            "blank": self._deviating(0, BLANK),
        }
        return {title: files for title, files in found.items() if files}

    @cached_property
    def notes(self) -> dict[str, dict[str, str]]:
        """{what is worth knowing: {path: detail}}: handled by the rules of `cnnkit.data.images.decode`."""
        facts = [(display(picture.path), picture.facts) for picture in self.pictures]
        found = {
            "nearly blank": self._deviating(BLANK, NEARLY_BLANK),
            "alike, in different splits": {
                display(one.path): f"({one.split}) like {display(other.path)} ({other.split})"
                for one, other in self.near_duplicates
            },
            "the same picture again in its class and split": _repeated(self.duplicates, None),
            "turned by EXIF": {path: f"by {own.turn}" for path, own in facts if own.turn != 1},
            "animated, or of several pages": {
                path: f"{own.frames} frames" for path, own in facts if own.frames > 1
            },
            "named as another kind": {
                path: f"is {own.kind}"
                for path, own in facts
                if own.kind not in NAMED.get(Path(path).suffix.lower(), (own.kind,))
            },
            "no part of the data": {display(path): why for path, why in self.ignored.items()},
        }
        return {title: files for title, files in found.items() if files}

    def write_csv(self, path: str | os.PathLike) -> None:
        """Write a row for every file, readable or not."""
        columns = [field.name for field in fields(Facts) if field.name not in ("thumbnail", "bits")]
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["path", "split", "classes", *columns, "cannot_be_read"])
            for picture in self.pictures:
                row = [display(picture.path), picture.split, "|".join(picture.classes)]
                writer.writerow([*row, *(_cell(getattr(picture.facts, c)) for c in columns), ""])
            for name, reason in self.bad.items():
                writer.writerow([display(name), "", "", *[""] * len(columns), reason])

    def _deviating(self, low: float, high: float) -> dict[str, str]:
        return {
            display(picture.path): f"brightness deviates by {deviation:.1f} of 255"
            for picture in self.pictures
            if low <= (deviation := picture.facts.brightness_deviation) < high
        }


def inspect(path: str | os.PathLike, progress: Callable = lambda found, total: found) -> Inspection:
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

    def look(file: File) -> Facts | BadImage:
        try:
            return examine(decode.read(listing.root / file.path))
        except BadImage as reason:
            return reason

    pictures, bad = [], dict(listing.bad)
    looked_at = progress(threads.ordered(look, listing.files), len(listing.files))
    for file, found in zip(listing.files, looked_at, strict=True):
        if isinstance(found, BadImage):
            bad[file.path] = str(found)
            continue
        classes = tuple(listing.class_names[label] for label in file.labels)
        pictures.append(Picture(file.path, file.split or "all", classes, found))
    return Inspection(listing.root, listing.class_names, tuple(pictures), bad, listing.ignored)


def _measured(pixels: Image.Image) -> dict:
    """Return the facts that an RGB picture's pixels tell."""
    grey = pixels.convert("L")
    means, deviations = _moments(pixels, grey)
    bits, thumbnail = duplicates.fingerprint(grey)
    return {
        "mean": means[:3], "deviation": deviations[:3], "brightness_deviation": deviations[3],
        "bits": bits, "thumbnail": thumbnail,
    }  # fmt: skip


def _moments(*images: Image.Image) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return (means, standard deviations) of the images' channels, from their histograms."""
    counts = np.array([count for image in images for count in image.histogram()], float)
    pixels, total, squares = (counts.reshape(-1, 256) @ POWERS).T
    mean = total / pixels
    variance = np.maximum(squares / pixels - mean**2, 0)
    return tuple(mean.tolist()), tuple(np.sqrt(variance).tolist())


def _frames(image: Image.Image) -> int:
    try:
        return getattr(image, "n_frames", 1)
    except Exception:  # the first frame is all that is used; later ones may be damaged
        return 1


def _repeated(groups: list[tuple[Picture, ...]], attribute: str | None) -> dict[str, str]:
    """Return the groups that differ in the attribute; with None, those that differ in nothing."""
    found = {}
    for group in groups:
        if attribute:
            chosen = len({getattr(picture, attribute) for picture in group}) > 1
        else:
            chosen = len({(picture.classes, picture.split) for picture in group}) == 1
        if chosen:
            first, *others = (display(picture.path) for picture in group)
            found[first] = f"is also {', '.join(others)}"
    return found


def _cell(value) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return " ".join(f"{number:.1f}" for number in value)
    return f"{value:.1f}" if isinstance(value, float) else str(value)
