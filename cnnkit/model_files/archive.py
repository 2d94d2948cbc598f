"""The `.keras` file as an archive: which members it may have, and how large they may be."""

import contextlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cnnkit.errors import RefusedFileError, SettingError
from cnnkit.model_files.hdf5 import FLOOR_BYTES, MAX_EXPANSION
from cnnkit.model_files.local_file import check_local_file

CONFIGURATION, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MAX_JSON_BYTES = 1 << 24  # 16 MiB; the largest of keras.applications has 1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGED = (OSError, EOFError, ValueError, RuntimeError, NotImplementedError, KeyError,
            zipfile.BadZipFile, zlib.error)  # fmt: skip


@contextlib.contextmanager
def unpacked(path: str | os.PathLike) -> Iterator[tuple[bytes, Path]]:
    """Unpack a `.keras` file into a temporary folder, if it is what Keras writes.

    Args:
        path: The file.

    Yields:
        The text of its configuration, and the path of its weights, an HDF5 file that is not checked
        yet and that is gone after the block.

    Raises:
        MissingDataError: There is no such file.
        SettingError: It is no `.keras` file, or it is damaged.
        RefusedFileError: It has members that no model needs, or declares far more than it holds.
    """
    _check_kind(path)
    size = check_local_file(path, "model file")
    with tempfile.TemporaryDirectory(prefix="cnnkit_model_") as folder:
        weights = Path(folder) / WEIGHTS
        try:
            with zipfile.ZipFile(path) as archive:
                _check_members(path, archive.infolist(), size)
                configuration = archive.read(CONFIGURATION)
                with archive.open(WEIGHTS) as stored, weights.open("wb") as copy:
                    shutil.copyfileobj(stored, copy, 1 << 20)
        except SettingError:
            raise
        except _DAMAGED as error:
            raise SettingError(
                f"{path} is no whole .keras file ({str(error).rstrip('.')}): copy it again, or save "
                "the model again with model.save."
            ) from None
        yield configuration, weights


def _check_kind(path: str | os.PathLike) -> None:
    name = os.fspath(path)
    if name.endswith((".h5", ".hdf5")) and "://" not in name:
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
    if parts[:1] == ("assets",):
        return "is an asset, which only layers with a vocabulary have"
    if member.filename not in (CONFIGURATION, METADATA, WEIGHTS):
        return "is none that Keras writes"
    if names.count(member.filename) > 1:
        return "is there twice"
    if member.compress_type not in _METHODS or member.flag_bits & 1:
        return "is encrypted, or compressed in a way that Keras does not use"
    if member.filename != WEIGHTS and member.file_size > MAX_JSON_BYTES:
        return f"has {member.file_size:,} bytes, and at most {MAX_JSON_BYTES:,} are read"
    return ""
