"""Networks with published ImageNet weights, with clear errors where they cannot be had."""

import os
import re
import time
from pathlib import Path

import keras

from cnnkit.errors import MissingDataError, RefusedFileError, SettingError
from cnnkit.model_files import check_weights
from cnnkit.models.damaged import keep_if_deleted, move_aside
from cnnkit.models.weights import load_weights
from cnnkit.transfer.catalogue import BackboneInfo, weights_path

UNREADABLE = (OSError, ValueError, KeyError, RuntimeError)  # what Keras and h5py raise of a file
FETCH_SECONDS = 10  # a file that changed so recently may still be written by another process


def build_network(
    info: BackboneInfo,
    size: tuple[int | None, int | None],
    *,
    include_top: bool,
    weights: str | None = None,
) -> keras.Model:
    """Build a pretrained network's architecture, without preprocessing.

    Args:
        info: Which network.
        size: Height and width of its images, in pixels.
        include_top: Whether it has its classifier.
        weights: "imagenet", or None for random weights.
    """
    # MobileNetV3's functions are in `keras.applications` alone, not in their module.
    source = info.import_module() if info.extra else keras.applications
    function = getattr(source, info.keras_name)
    return function(
        weights=weights, include_top=include_top, input_shape=(*size, 3), **info.options
    )


def load_published(info: BackboneInfo, *, include_top: bool) -> keras.Model:
    """Build a network at its native size with ImageNet's weights.

    In Keras' cache, a file that is truncated, or of another network, is moved aside, so that the next call fetches it
    again. A sound file stays where it is, whatever else fails.

    Args:
        info: Which network.
        include_top: Whether it has its classifier.

    Raises:
        MissingDataError: The weights are not on this machine and cannot be fetched, or the file
            was damaged.
        RefusedFileError: The file in Keras' cache could do harm.
    """
    size = (info.native_size,) * 2
    if info.extra:  # installed, not fetched: nothing to move aside
        return build_network(info, size, include_top=include_top, weights="imagenet")
    path = weights_path(info, include_top=include_top)
    _refuse_harmful(path)
    try:
        with keep_if_deleted(path) as kept:
            return build_network(info, size, include_top=include_top, weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception where a download fails
        address = re.search(r"https?://\S+?\.h5", str(error))
        if address:
            raise MissingDataError(_not_fetched(path, address[0], kept.moved_to)) from error
        if not isinstance(error, UNREADABLE):
            raise
        fault = _fault(path, info, include_top)
        if fault is None:
            raise
        if time.time() - path.stat().st_mtime < FETCH_SECONDS:
            raise MissingDataError(
                f"{fault}; it was written to a moment ago, perhaps by a process that is fetching "
                f"it: try again in {FETCH_SECONDS} seconds."
            ) from error
        raise MissingDataError(
            f"{fault}; it was moved to {move_aside(path).name}, so that the next call can fetch it "
            "again."
        ) from error


def _refuse_harmful(path: Path) -> None:
    """Refuse a file that Keras must not open; what is only damaged is for the caller to name."""
    if not path.is_file():
        return
    try:
        check_weights(path)
    except RefusedFileError:
        raise
    except SettingError:
        return


def _not_fetched(path: Path, address: str, aside: Path | None) -> str:
    if path.is_file():  # Keras silently takes another folder then
        return (
            f"The weights {path} are here, but Keras reads only a cache that it may write to: make "
            f"{path.parent.parent} writable, or set KERAS_HOME to a copy of it."
        )
    problem = "are not on this machine"
    if aside is not None:
        problem = f"had another hash than Keras knows, were moved to {aside.name},"
    return (
        f"The weights {path.name} {problem} and cannot be fetched from Keras' storage ({address}); put "
        f"that file into {path.parent}, or give a file of your own as weights, or weights='none'."
    )


def _fault(path: Path, info: BackboneInfo, include_top: bool) -> str | None:
    """Return what is wrong with a weights file; None if it is sound or cannot be read now."""
    # Two readers have to fail: Keras' own, and ours, which names what differs.
    if not path.is_file() or not os.access(path, os.R_OK):
        return None
    network = build_network(info, (info.native_size,) * 2, include_top=include_top)
    try:
        network.load_weights(path)
    except (BlockingIOError, PermissionError):  # locked by another process
        return None
    except UNREADABLE:
        try:
            load_weights(network, path, include_top=include_top)
        except SettingError as error:
            return str(error).rstrip(".")
    return None
