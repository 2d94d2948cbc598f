"""A folder, or a table, of image files as a Dataset."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.files.assign import assign, rank, require_every_class
from cnnkit.data.files.listing import list_folder
from cnnkit.data.files.table import SUFFIXES, list_table
from cnnkit.data.images.decode import display
from cnnkit.data.images.lazy_images import Decoding, Pictures, check
from cnnkit.data.sampling import first_of_each_class
from cnnkit.errors import BadFilesError
from cnnkit.settings import expect_counts

SLOW = 500  # files from which somebody at a terminal wants to see how far reading them is


def folder(
    path: str | os.PathLike, *, image_size: int | tuple[int, int] = 224, channels: int = 3,
    fit: str = "stretch", validation: float = 0.1, test: float = 0.1, split_seed: int = 0,
    samples_per_class: int | None = None, skip_bad: bool = False, cache: bool = True,
) -> Dataset:  # fmt: skip
    """Return the images of a folder, CLASS/IMAGE or SPLIT/CLASS/IMAGE, or of a table of paths.

    Every file is read once, before this returns: bad ones are named all together, exact
    duplicates end in one split, and pixels are kept in the cache, so that no epoch decodes.
    Inputs are uint8, shape (samples, height, width, channels), and are read as they are indexed;
    labels are class indices, or 0 and 1 for each class where a table gives several.

    path: a folder as `cnnkit.data.files.listing` has it, or a .csv or .parquet as `cnnkit.data.files.table`.
    image_size: (height, width), or one number for both. channels, fit: see `cnnkit.data.images.decode`.
    validation, test: fractions of every class for splits that the folder does not have itself.
    split_seed: draws them; not the run's seed, so that test pictures stay test pictures.
    samples_per_class: the most training images a class, drawn by split_seed; None keeps all.
    skip_bad: go on without files that cannot be read; `left_out` of the Dataset names them.
    cache: keep decoded pixels on disk; without, every epoch decodes.

    Raises MissingDataError where nothing is at the path, BadFilesError with every bad file unless
    skip_bad, SettingError for settings, tables and folders that allow no data set.
    """
    root = Path(path)
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    decoding = Decoding(size, channels, fit)
    if samples_per_class is not None:
        expect_counts(samples_per_class=samples_per_class)
    listing = (list_table if root.suffix.lower() in SUFFIXES else list_folder)(root)
    paths = [file.path for file in listing.files]
    checked = check(listing.root, paths, decoding, keep=cache, progress=_progress(len(paths)))
    bad = {display(path): reason for path, reason in (listing.bad | checked.bad).items()}
    if bad and not skip_bad:
        raise BadFilesError(
            f"{len(bad)} of the files under {display(root)} cannot be read; mend them, move them "
            "away (cnnkit data inspect PATH --fix), or leave them out (skip_bad=True):",
            bad,
        )
    good = [number for number, digest in enumerate(checked.digests) if digest is not None]
    files, digests = [listing.files[i] for i in good], [checked.digests[i] for i in good]
    splits, repeated = assign(
        files, digests, listing.class_names, seed=split_seed,
        fractions={"validation": validation, "test": test}, stratify=not listing.multi_label,
    )  # fmt: skip
    labels = listing.labels_of(files[i] for i in splits["train"])
    few = _few(splits["train"], labels, digests, samples_per_class, split_seed)
    require_every_class([files[i] for i in few], listing.class_names)

    def split(positions: list[int]) -> Split:
        inputs = Pictures(
            listing.root,
            [files[i].path for i in positions],
            [digests[i] for i in positions],
            decoding,
            checked.store,
        )
        return Split(inputs, listing.labels_of(files[i] for i in positions))

    return Dataset(
        name=root.stem if root.is_file() else display(root.resolve().name),
        train=split(few),
        validation=split(splits["validation"]),
        test=split(splits["test"]),
        class_names=listing.class_names,
        source=f"{len(files):,} image files",
        left_out={display(path): why for path, why in (listing.ignored | repeated).items()} | bad,
    )


def _few(positions, labels, digests, most: int | None, seed: int) -> list[int]:
    """Return the positions of at most that many files a class, chosen by their content."""
    if most is None:
        return positions
    order = sorted(range(len(positions)), key=lambda i: (rank(digests[positions[i]], seed), i))
    return [positions[i] for i in first_of_each_class(labels, most, order)]


def _progress(files: int):
    """Return what wraps the iteration over files: a bar, where somebody sees it."""
    if files < SLOW or not sys.stderr.isatty():
        return iter
    from rich.console import Console
    from rich.progress import track

    def bar(found: Iterable):
        return track(found, "Reading images", files, console=Console(stderr=True), transient=True)

    return bar
