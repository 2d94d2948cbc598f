"""Features of a frozen backbone, computed once and kept on disk."""

import dataclasses
import hashlib
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from cnnkit.data.cache import cache_folder
from cnnkit.data.dataset import Dataset, Split
from cnnkit.runs.atomic import replacing
from cnnkit.transfer.heads import pooled

LAYOUT = 1  # counted up when a kept file's meaning changes, so that older ones are computed anew
BATCH = 32


def features(
    backbone: keras.Model,
    dataset: Dataset,
    *,
    pooling: str = "average",
    half: bool = False,
    cache: bool = True,
) -> Dataset:
    """Return the data set with a vector of features in the place of each image.

    Each split's inputs are float32 (float16 where `half`), shape (samples, features): a matrix for
    scikit-learn, or the data of an Experiment whose model is a head alone. With `cache` they are
    written to the cache folder once, batch by batch, and read from there as they are indexed; the
    file's name says weights, network, input size, pooling, precision and content of the images, so
    a change of any of them computes anew. Where the disk is full they are kept in memory, with a
    warning. The cache's limit does not count these files yet.

    backbone: takes pixels as stored in `dataset`, as `transfer.backbone` gives it.
    Raises SettingError for a pooling that does not exist.
    """
    extractor = keras.Model(backbone.inputs, pooled(backbone.outputs, pooling))
    dtype = np.dtype("float16" if half else "float32")
    network = _fingerprint(extractor)
    splits = {
        name: Split(_kept(extractor, split.inputs, dtype, network, cache), split.labels)
        for name, split in dataset.splits.items()
    }
    return dataclasses.replace(dataset, value_range=(-np.inf, np.inf), **splits)


def _kept(extractor, images, dtype: np.dtype, network: str, cache: bool) -> np.ndarray:
    shape = len(images), extractor.output_shape[-1]
    if not cache:
        return _in_memory(extractor, images, dtype, shape)
    key = hashlib.sha256(f"{LAYOUT} {network} {dtype} {_content(images)}".encode()).hexdigest()
    path = cache_folder() / "features" / f"{key[:40]}.npy"
    found = _read(path, shape, dtype)
    if found is not None:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            _write(temporary, extractor, images, dtype, shape)
    except OSError as error:
        warnings.warn(
            f"Features are not kept: {path.parent} cannot be written ({error.strerror or error}); "
            "make room there, or set CNNKIT_CACHE to another folder.",
            stacklevel=3,
        )
        return _in_memory(extractor, images, dtype, shape)
    return _read(path, shape, dtype)


def _write(path: Path, extractor, images, dtype: np.dtype, shape: tuple[int, int]) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for rows in _batches(extractor, images):
            # A full disk is an error here; in a mapped file it would end the process.
            file.write(rows.astype(dtype).tobytes())


def _read(path: Path, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray | None:
    """Return a whole file's rows, mapped; None where there is none, or it is damaged."""
    try:
        rows = np.load(path, mmap_mode="r")
    except (OSError, ValueError):
        return None
    return rows if rows.shape == shape and rows.dtype == dtype else None


def _in_memory(extractor, images, dtype: np.dtype, shape: tuple[int, int]) -> np.ndarray:
    rows = [batch.astype(dtype) for batch in _batches(extractor, images)]
    return np.concatenate(rows) if rows else np.empty(shape, dtype)


def _batches(extractor, images) -> Iterator[np.ndarray]:
    """Yield features of the images in order; all batches but one are of one size, compiled once."""
    for start in range(0, len(images), BATCH):
        batch = np.asarray(images[np.arange(start, min(start + BATCH, len(images)))])
        missing = BATCH - len(batch) if start else 0
        padded = np.concatenate([batch, np.repeat(batch[:1], missing, axis=0)])
        yield extractor.predict_on_batch(padded)[: len(batch)]


def _fingerprint(model: keras.Model) -> str:
    """Return what a network computes as a hash: its graph, without the counters in names, and weights."""
    graph = re.sub(r"_\d+\b", "", model.to_json())
    digest = hashlib.sha256(f"{keras.__version__} {keras.backend.backend()} {graph}".encode())
    for array in model.get_weights():
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _content(images) -> str:
    described = f"{images.shape} {images.dtype}"
    if hasattr(images, "content_hash"):
        return f"{described} {os.fspath(images.content_hash())}"
    return f"{described} {hashlib.sha256(np.ascontiguousarray(images).data).hexdigest()}"
