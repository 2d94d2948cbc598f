"""The `.keras` file as an archive: which members it may have, and how large they may be."""

import contextlib
import io
import json
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cnnkit.errors import RefusedFileError, SettingError
from cnnkit.model_files.hdf5 import FLOOR_BYTES, MAX_EXPANSION
from cnnkit.model_files.local_file import check_local_file, is_address

CONFIGURATION, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_JSON_BYTES = 1 << 24  # 16 MiB; the largest of keras.applications has 1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, KeyError,
            zipfile.BadZipFile, zlib.error)  # fmt: skip


class Unpacked(NamedTuple):
    """What a `.keras` file holds.

    Attributes:
        configuration: Its config.json.
        metadata: Its metadata.json; "{}" where there is none.
        weights: A copy of its weights, an HDF5 file that is not checked yet.
        assets: Names of further members, which only layers with a vocabulary have.
    """

    configuration: bytes
    metadata: bytes
    weights: Path
    assets: tuple[str, ...]


@contextlib.contextmanager
def unpacked(path: str | os.PathLike) -> Iterator[Unpacked]:
    """Unpack a `.keras` file into a temporary folder, if it is what Keras writes.

    Args:
        path: The file.

    Yields:
        Its parts. The file of weights is gone after the block.

    Raises:
        MissingDataError: There is no such file.
        SettingError: It is no `.keras` file, or it is damaged.
        RefusedFileError: It has members that no model needs, or declares far more than it holds.
    """
    with tempfile.TemporaryDirectory(prefix="cnnkit_model_") as folder:
        weights = Path(folder) / WEIGHTS
        with _opened(path) as archive:
            configuration, metadata = archive.read(CONFIGURATION), _metadata_in(archive)
            with archive.open(WEIGHTS) as stored, weights.open("wb") as copy:
                shutil.copyfileobj(stored, copy, 1 << 20)
            assets = tuple(name for name in archive.namelist() if _is_asset(name))
        yield Unpacked(configuration, metadata, weights, assets)


def read_metadata(path: str | os.PathLike) -> bytes:
    """Read the metadata.json of a `.keras` file, which Keras itself does not look at.

    Args:
        path: The file.

    Returns:
        Its text, "{}" where there is none.

    Raises:
        MissingDataError: There is no such file.
        SettingError: It is no `.keras` file, or it is damaged.
        RefusedFileError: As `unpacked`.
    """
    with _opened(path) as archive:
        return _metadata_in(archive)


def with_metadata(content: bytes, extra: Mapping[str, object]) -> bytes:
    """Return the content of a `.keras` file with more in its metadata.json.

    Args:
        content: As Keras saved it.
        extra: What JSON can hold, by name, beside Keras' own version and date.

    Returns:
        The content, which Keras opens as before.
    """
    result = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as archive,
        zipfile.ZipFile(result, "w") as changed,
    ):
        for member in archive.infolist():
            with archive.open(member) as stored, changed.open(member, "w") as copy:
                if member.filename == METADATA:
                    copy.write(json.dumps({**json.load(stored), **extra}).encode())
                else:
                    shutil.copyfileobj(stored, copy, 1 << 20)
    return result.getvalue()


def _metadata_in(archive: zipfile.ZipFile) -> bytes:
    return archive.read(METADATA) if METADATA in archive.namelist() else b"{}"


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[zipfile.ZipFile]:
    """Open a `.keras` file, and check its members; damage met in the block is named, too."""
    _check_kind(path)
    size = check_local_file(path, "model file")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive.infolist(), size)
            yield archive
    except SettingError:
        raise
    except _DAMAGED as error:
        raise SettingError(
            f"{path} is no whole .keras file ({str(error).rstrip('.')}): copy it again, or save "
            "the model again with model.save."
        ) from None


def _check_kind(path: str | os.PathLike) -> None:
    name = os.fspath(path)
    if name.endswith((".h5", ".hdf5")) and not is_address(path):
        raise RefusedFileError(
            f"{path} is refused: a whole model in Keras' old HDF5 format may hold code; load it with "
            "Keras if you trust it, and save it as .keras."
        )


def _check_members(path: str | os.PathLike, members: list[zipfile.ZipInfo], size: int) -> None:
    names = [member.filename for member in members]
    for member in members:
        reason = _reason_against(member, names)
        if reason:
            raise RefusedFileError(f"{path} is refused: its member {member.filename!r} {reason}.")
    declared = sum(member.file_size for member in members)
    if declared > max(FLOOR_BYTES, MAX_EXPANSION * size):
        raise RefusedFileError(
            f"{path} is refused: it declares {declared:,} bytes and has {size:,} bytes itself; save "
            "the model again with model.save."
        )


def _reason_against(member: zipfile.ZipInfo, names: list[str]) -> str:
    """Return why a member is not accepted; "" if it is."""
    parts = PurePosixPath(member.filename.replace("\\", "/")).parts
    if ".." in parts or parts[:1] == ("/",) or ":" in member.filename:
        return "leads out of the folder that it is unpacked into"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link"
    if _is_asset(member.filename):
        return ""
    if member.filename not in (CONFIGURATION, METADATA, WEIGHTS):
        return "is none that Keras writes"
    if names.count(member.filename) > 1:
        return "is there twice"
    if member.compress_type not in _METHODS or member.flag_bits & 1:
        return "is encrypted, or compressed in a way that Keras does not use"
    if member.filename != WEIGHTS and member.file_size > MAX_JSON_BYTES:
        return f"has {member.file_size:,} bytes, and at most {MAX_JSON_BYTES:,} are read"
    return ""


def _is_asset(name: str) -> bool:
    return name.startswith("assets/")
