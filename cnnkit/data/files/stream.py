"""Read any number of files in bounded memory: list them one by one, decode them ahead in threads."""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from cnnkit.data.files.walk import DESKTOP_FILES, natural
from cnnkit.data.images import threads
from cnnkit.errors import BadFile, MissingDataError

Source = TypeVar("Source")
Sample = TypeVar("Sample")


def files_below(
    paths: Iterable[Path], suffixes: Collection[str], *, leave_out: Path | None = None
) -> Iterator[Path]:
    """Yield files, and those in folders, without keeping a list of all.

    Hidden files, and links to folders inside a folder, are skipped.

    Args:
        paths: Files and folders.
        suffixes: Endings, in small letters, of the files that are taken from a folder. A file that
            is named itself may have any.
        leave_out: A folder that is not entered.

    Yields:
        The paths of files. Those of a folder come in natural order, each folder inside it at its
        place.

    Raises:
        MissingDataError: A path does not exist, or a folder cannot be read.
    """
    hidden = None if leave_out is None else os.path.realpath(leave_out)
    for path in paths:
        if path.is_dir():
            yield from _inside(path, frozenset(suffixes), hidden)
        elif not os.path.lexists(path):
            raise MissingDataError(f"There is no file or folder {path}; check its path.")
        else:
            yield path


def _inside(folder: Path, suffixes: frozenset[str], leave_out: str | None) -> Iterator[Path]:
    if leave_out is not None and os.path.realpath(folder) == leave_out:
        return
    try:
        with os.scandir(folder) as entries:
            found = [(each.name, each.is_dir(follow_symlinks=False)) for each in entries]
    except OSError as error:
        raise MissingDataError(f"The folder {folder} cannot be read: {error.strerror}.") from None
    for name, is_folder in sorted(found, key=lambda entry: natural(entry[0])):
        if name.startswith(".") or name.casefold() in DESKTOP_FILES:
            continue
        if is_folder:
            yield from _inside(folder / name, suffixes, leave_out)
        elif os.path.splitext(name)[1].lower() in suffixes:
            yield folder / name


def decoded_batches(
    sources: Iterable[Source], decode: Callable[[Source], Sample], batch_size: int
) -> Iterator[list[tuple[Source, Sample | BadFile]]]:
    """Decode files in threads, ahead of whoever uses them.

    Args:
        sources: What `decode` takes, such as paths.
        decode: Returns the sample of a source. What it raises as BadFile takes the sample's place.
        batch_size: How many samples a batch has; bad files come on top.

    Yields:
        Pairs of a source and its sample, in the order of the sources. Only the last batch may have
        fewer samples.
    """

    def decode_one(source: Source) -> tuple[Source, Sample | BadFile]:
        try:
            return source, decode(source)
        except BadFile as reason:
            return source, reason

    batch: list[tuple[Source, Sample | BadFile]] = []
    samples = 0
    with contextlib.closing(threads.ordered(decode_one, sources)) as pairs:
        for pair in pairs:
            batch.append(pair)
            samples += not isinstance(pair[1], BadFile)
            if samples == batch_size:
                yield batch
                batch, samples = [], 0
    if batch:
        yield batch
