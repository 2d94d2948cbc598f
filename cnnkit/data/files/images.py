"""A folder, or a table, of image files as a Dataset."""

import dataclasses
import os
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import track

from cnnkit.data.dataset import Dataset
from cnnkit.data.files.pipeline import ReadableFiles, list_path, name_of
from cnnkit.data.images import threads
from cnnkit.data.images.decode import opened
from cnnkit.data.images.lazy_images import Decoding, Pictures, check
from cnnkit.data.loader_calls import remembers_call
from cnnkit.settings import expect_counts

DEFAULT_SIZE = 224  # pixels
MEASURED = 64  # files, spread over all of them, whose sizes say whether images are enlarged
MANY_FILES = 500  # from here on, reading takes long enough for a progress bar


@remembers_call
def folder(
    path: str | os.PathLike, *, image_size: int | tuple[int, int] | None = None, channels: int = 3,
    fit: str = "stretch", validation: float = 0.1, test: float = 0.1, split_seed: int = 0,
    samples_per_class: int | None = None, skip_bad: bool = False, cache: bool = True,
) -> Dataset:  # fmt: skip
    """Load the images of a folder, or of a table of paths.

    Every file is read once, before this returns. Bad files are named all together. Files with the
    same content end in the same split. Decoded pixels are cached, so no epoch decodes.

    Args:
        path: A folder CLASS/IMAGE or SPLIT/CLASS/IMAGE, or a .csv or .parquet file with a column of
            paths and a column `label` or `labels`. A .parquet file may hold the pictures themselves,
            as Hugging Face's do.
        image_size: (height, width) in pixels, or one number for both. None is 224; the summary then
            says so if that enlarges most images.
        channels: 1 for grey, 3 for colour.
        fit: How other proportions reach `image_size`: "stretch", or "crop" to the largest central
            part of those proportions.
        validation: Fraction of every class for a validation split, unless the folder has one.
        test: Fraction of every class for a test split, unless the folder has one.
        split_seed: Draws the splits. It is not the run's seed, so test images stay test images.
        samples_per_class: Maximum number of training images of each class; None keeps all.
        skip_bad: Leave out files that cannot be read; `Dataset.left_out` names them.
        cache: Keep decoded pixels on disk; otherwise every epoch decodes.

    Returns:
        A Dataset of uint8 inputs, shape (samples, height, width, channels), read as they are
        indexed. Labels are class indices, or 0 and 1 for each class if a table gives several.

    Raises:
        MissingDataError: There is nothing at the path.
        BadFilesError: Files cannot be read, and `skip_bad` is False; all of them are named.
        SettingError: The settings, the table or the folder allow no data set.
    """
    path = Path(path)
    chosen = DEFAULT_SIZE if image_size is None else image_size
    size = (chosen, chosen) if isinstance(chosen, int) else chosen
    decoding = Decoding(size, channels, fit)
    if samples_per_class is not None:
        expect_counts(samples_per_class=samples_per_class)
    listing = list_path(path)
    paths = [file.path for file in listing.files]
    checked = check(
        listing.root, paths, decoding, keep=cache, progress=_progress(len(paths)), read=listing.read,
        chunk=threads.CHUNK if listing.inside is None else 1,
    )  # fmt: skip
    images = ReadableFiles(
        listing, checked.digests, checked.bad, skip_bad=skip_bad,
        remedy="move them away (cnnkit data inspect PATH --fix)",
    )  # fmt: skip
    splits = images.split({"validation": validation, "test": test}, split_seed, samples_per_class)

    def inputs(positions: list[int]) -> Pictures:
        return Pictures(
            listing.root,
            [images.files[i].path for i in positions],
            [images.digests[i] for i in positions],
            decoding,
            checked.store,
            # Pictures know their own folder, wherever the process goes.
            None if listing.inside is None else listing.read,
        )

    readable = [file.path for file in images.files]
    return images.dataset(
        name_of(path), splits, inputs,
        source=f"{len(readable):,} image files",
        decoding=dataclasses.asdict(decoding),
        enlargement=_enlargement(readable, listing.read) if image_size is None else "",
    )  # fmt: skip


def _enlargement(paths: Sequence[str], read: Callable[[str], bytes]) -> str:
    """Say so if most images are smaller than the default size: they cost its time, and gain nothing."""
    sides = []
    for path in paths[:: max(1, len(paths) // MEASURED)]:
        with opened(read(path)) as image:
            sides.append(max(image.size))
    usual = int(statistics.median(sides))
    if usual >= DEFAULT_SIZE:
        return ""
    return (
        f"Enlarged: most images have at most {usual} pixels a side, and without an image_size they "
        f"become {DEFAULT_SIZE} x {DEFAULT_SIZE}; image_size={usual} takes "
        f"{(DEFAULT_SIZE / usual) ** 2:.1f} times fewer pixels."
    )


def _progress(files: int):
    """Return what wraps the iteration over files: a progress bar in a terminal."""
    if files < MANY_FILES or not sys.stderr.isatty():
        return iter

    def bar(items: Iterable):
        return track(items, "Reading images", files, console=Console(stderr=True), transient=True)

    return bar
