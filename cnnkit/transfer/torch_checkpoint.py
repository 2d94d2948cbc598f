"""Reads the tensors of a PyTorch checkpoint without PyTorch, and without executing anything in it.

A checkpoint is a pickle, and a pickle may call any function. This reader knows four names and
refuses every other. Source of the format: `torch.save` with `_use_new_zipfile_serialization=False`,
https://github.com/pytorch/pytorch/blob/main/torch/serialization.py.
"""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from cnnkit.errors import SettingError

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
MAX_PICKLE_BYTES = 1 << 22  # names and shapes alone; the numbers follow the pickles
DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
UNREADABLE = (pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError, MemoryError,
              OverflowError, TypeError, ValueError)  # fmt: skip


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype
    length: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read the tensors of a checkpoint that holds a state dictionary.

    Args:
        path: A file that `torch.save` wrote in its format before zip files. Float32 and int64
            tensors in the processor's memory are read.

    Returns:
        A copy of each tensor by its name, float32 or int64, with the shape that PyTorch gave it.

    Raises:
        SettingError: The file is no such checkpoint, is damaged, or names anything beyond what
            tensors need. Nothing of it has been executed then.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            return _read(file, path.stat().st_size)
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}.") from error
    except UNREADABLE as error:
        raise SettingError(f"{path} is no PyTorch checkpoint of plain tensors: {error}.") from error


def _read(file: BinaryIO, file_size: int) -> dict[str, np.ndarray]:
    if (_load(file), _load(file)) != (MAGIC, PROTOCOL):
        raise ValueError("its first bytes are of another format")
    if not _load(file)["little_endian"]:
        raise ValueError("its numbers are big-endian")
    tensors, keys = _load(file), _load(file)
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    if sorted(storages) != sorted(keys):
        raise ValueError("its list of storages does not fit its tensors")
    stored = {key: _numbers(file, storages[key], file_size) for key in keys}
    return {name: _array(tensor, stored) for name, tensor in tensors.items()}


def _load(file: BinaryIO):
    # A pickle that declares a long string makes Python allocate it: hand over the first bytes alone.
    start = file.tell()
    window = _Window(file.read(MAX_PICKLE_BYTES))
    content = _TensorUnpickler(window).load()
    file.seek(start + window.position)
    return content


class _Window:
    """Bytes that an unpickler reads, and how many it has read."""

    def __init__(self, content: bytes):
        self.content, self.position = content, 0

    def read(self, size: int) -> bytes:
        if not 0 <= size <= len(self.content) - self.position:
            raise EOFError("it ends too early")
        self.position += size
        return self.content[self.position - size : self.position]

    def readline(self) -> bytes:
        end = self.content.find(b"\n", self.position)
        if end < 0:
            raise EOFError("it ends too early")
        return self.read(end + 1 - self.position)


class _TensorUnpickler(pickle.Unpickler):
    """Knows the four names that a state dictionary of float32 and int64 tensors needs."""

    def find_class(self, module: str, name: str):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *rest: _Tensor(
                storage, offset, shape, strides
            )
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no tensor needs")

    def persistent_load(self, identifier) -> _Storage:
        kind, dtype, key, _, length, _ = identifier
        if kind != "storage" or dtype not in DTYPES.values():
            raise pickle.UnpicklingError(f"it refers to {identifier!r}")
        return _Storage(key, dtype, length)


def _numbers(file: BinaryIO, storage: _Storage, file_size: int) -> np.ndarray:
    length = int.from_bytes(file.read(8), "little")
    size = length * storage.dtype.itemsize
    if length != storage.length or size > file_size - file.tell():
        raise ValueError(f"storage {storage.key} has another length than declared")
    return np.frombuffer(file.read(size), storage.dtype)


def _array(tensor: _Tensor, stored: dict[str, np.ndarray]) -> np.ndarray:
    numbers = stored[tensor.storage.key]
    reach = sum((side - 1) * step for side, step in zip(tensor.shape, tensor.strides, strict=True))
    sizes = (tensor.offset, *tensor.shape, *tensor.strides)
    if min(sizes) < 0 or 0 in tensor.shape or tensor.offset + reach >= len(numbers):
        raise ValueError(f"a tensor of shape {tensor.shape} reaches beyond its numbers")
    if np.prod(tensor.shape, dtype=object) > len(numbers):
        raise ValueError(f"a tensor of shape {tensor.shape} repeats its numbers")
    strides = [step * numbers.itemsize for step in tensor.strides]
    view = np.lib.stride_tricks.as_strided(numbers[tensor.offset :], tensor.shape, strides)
    return view.copy()
