"""Open HDF5 files of weights, after checking that reading their arrays is safe.

HDF5 can do more than hold arrays: a dataset may name bytes of any other file, a link may lead to one,
and a few bytes can declare an array of gigabytes. Keras writes none of these.
"""

import contextlib
import math
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np

from cnnkit.errors import RefusedFileError, SettingError
from cnnkit.model_files.local_file import check_local_file

MAX_DEPTH = 64  # groups in one another; the deepest of keras.applications has 8
MAX_OBJECTS = 200_000  # groups and arrays
FLOOR_BYTES = 1 << 26  # 64 MiB may be declared by a file of any size
MAX_EXPANSION = 10  # above that, this multiple of the file's size
UNREADABLE = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, zlib.error)
_HARMLESS_FILTERS = {h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_FLETCHER32}


@contextlib.contextmanager
def open_weights(path: str | os.PathLike) -> Iterator[h5py.File]:
    """Open an HDF5 file of weights for reading, if all its arrays lie in it.

    Args:
        path: A `.h5` or `.weights.h5` file.

    Yields:
        The open file. An error that h5py raises of its content inside the block becomes a
        SettingError.

    Raises:
        MissingDataError: There is no such file.
        SettingError: It is no HDF5 file, or it is damaged.
        RefusedFileError: It refers to other files, has links, or declares far more than it holds.
    """
    size = check_local_file(path, "weights file")
    try:
        with h5py.File(Path(path), "r") as file:
            if "model_config" in file.attrs:
                raise RefusedFileError(
                    f"{path} is refused: it is a whole model in Keras' old HDF5 format, which may hold "
                    "code; load it with Keras if you trust it, and save its weights with save_weights."
                )
            declared = sum(_declared_bytes(path, dataset) for dataset in _datasets(path, file))
            if declared > max(FLOOR_BYTES, MAX_EXPANSION * size):
                raise RefusedFileError(
                    f"{path} is refused: it declares arrays of {declared:,} bytes and has {size:,} "
                    "bytes itself; save the weights again with Keras' save_weights."
                )
            yield file
    except (SettingError, MemoryError):
        raise
    except UNREADABLE as error:  # HDF5 raises RuntimeError, too
        raise SettingError(f"{path} is not a file of Keras weights: {error}") from None


def check_weights(path: str | os.PathLike) -> int:
    """Check an HDF5 file of weights without reading its arrays.

    Args:
        path: A `.h5` or `.weights.h5` file.

    Returns:
        How many numbers its arrays hold.

    Raises:
        MissingDataError: There is no such file.
        SettingError: It is no HDF5 file, or it is damaged.
        RefusedFileError: It refers to other files, has links, or declares far more than it holds.
    """
    with open_weights(path) as file:
        return sum(_numbers_in(dataset) for dataset in _datasets(path, file))


def arrays_in(file: h5py.File) -> Iterator[h5py.Dataset]:
    """Return the arrays of an open file.

    Args:
        file: One of `open_weights`.

    Yields:
        Each of them, in the order of their names; none is read.
    """
    # Whose links and groups were checked when it was opened.
    yield from sorted(_datasets(file.filename, file), key=lambda dataset: dataset.name)


def read_array(dataset: h5py.Dataset) -> np.ndarray:
    """Read one array of an open file.

    Args:
        dataset: A dataset of a file of `open_weights`.

    Returns:
        Its values; bfloat16 where Keras has marked them so.

    Raises:
        RefusedFileError: Some values are NaN or infinite.
    """
    array = np.asarray(dataset[()])
    if _is_bfloat16(dataset):
        array = array.view(ml_dtypes.bfloat16)
    if array.dtype.kind not in "iub" and not np.isfinite(array).all():
        raise RefusedFileError(
            f"{dataset.file.filename} is refused: the array {dataset.name} has values that are NaN "
            "or infinite, as a training that diverged leaves them; use an earlier file."
        )
    return array


def _datasets(path: str | os.PathLike, file: h5py.File) -> Iterator[h5py.Dataset]:
    """Yield every dataset, and refuse what is neither a group nor a dataset in this file."""
    # Not `visititems`: HDF5 follows nested groups in C until its stack overflows.
    pending, seen = [(file, 0)], set()
    while pending:
        group, depth = pending.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        if depth > MAX_DEPTH:
            raise RefusedFileError(f"{path} is refused: its groups nest deeper than {MAX_DEPTH}.")
        for name in group:
            item = _item(path, group, name)
            if isinstance(item, h5py.Group):
                pending.append((item, depth + 1))
            else:
                yield item
        if len(seen) + len(pending) > MAX_OBJECTS:
            raise RefusedFileError(f"{path} is refused: it has more than {MAX_OBJECTS:,} groups.")


def _item(path: str | os.PathLike, group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        kind = "an external link" if isinstance(link, h5py.ExternalLink) else "a soft link"
        raise RefusedFileError(
            f"{path} is refused: {group.name.rstrip('/')}/{name} is {kind}, which can lead out of "
            "the file; save the weights again with Keras' save_weights."
        )
    item = group[name]
    if not isinstance(item, h5py.Group | h5py.Dataset):
        raise RefusedFileError(f"{path} is refused: {item.name} is neither a group nor an array.")
    return item


def _declared_bytes(path: str | os.PathLike, dataset: h5py.Dataset) -> int:
    """Return how many bytes an array takes in memory, after checking where they come from."""
    name = dataset.name
    if dataset.is_virtual or dataset.external:
        kind = "a virtual dataset" if dataset.is_virtual else "external storage"
        raise RefusedFileError(
            f"{path} is refused: {name} is {kind}, whose bytes come from other files; save the "
            "weights again with Keras' save_weights."
        )
    if dataset.dtype.kind not in "fiub" and not _is_bfloat16(dataset):
        raise RefusedFileError(
            f"{path} is refused: {name} holds {dataset.dtype}, and weights are numbers."
        )
    declared = _numbers_in(dataset) * dataset.dtype.itemsize
    if dataset.chunks:
        chunk = math.prod(dataset.chunks) * dataset.dtype.itemsize
        _check_filters(path, dataset, chunk)
        return max(declared, chunk)  # HDF5 reads chunks whole
    return declared


def _check_filters(path: str | os.PathLike, dataset: h5py.Dataset, chunk: int) -> None:
    """Refuse filters that HDF5 loads as code, and a chunk that inflates to more than a chunk."""
    properties = dataset.id.get_create_plist()
    filters = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
    if not _HARMLESS_FILTERS.issuperset(filters):
        raise RefusedFileError(
            f"{path} is refused: {dataset.name} is compressed in a way other than gzip; save the "
            "weights again with Keras' save_weights."
        )
    if h5py.h5z.FILTER_DEFLATE not in filters:
        return
    offsets: list[tuple] = []
    dataset.id.chunk_iter(lambda stored: offsets.append(stored.chunk_offset))
    for offset in offsets:
        skipped, stored = dataset.id.read_direct_chunk(offset)
        # HDF5 inflates a chunk whole, whatever size it should have. The checksum is 4 bytes.
        if not skipped and len(zlib.decompressobj().decompress(stored, chunk + 5)) > chunk + 4:
            raise RefusedFileError(f"{path} is refused: {dataset.name} inflates without end.")


def _numbers_in(dataset: h5py.Dataset) -> int:
    return 0 if dataset.shape is None else math.prod(dataset.shape)


def _is_bfloat16(dataset: h5py.Dataset) -> bool:
    marked = dataset.attrs.get("dtype") == "bfloat16" if "dtype" in dataset.attrs else False
    return bool(marked) and dataset.dtype.itemsize == 2
