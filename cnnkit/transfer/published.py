"""The weights that Keras publishes: fetched and read by Keras, its failures told in one sentence."""

import os
import re
import time
from pathlib import Path

import keras

from cnnkit.errors import MissingDataError, SettingError
from cnnkit.models.damaged import keep_if_deleted, move_aside
from cnnkit.models.weights import load_weights
from cnnkit.transfer.catalogue import Line, weights_folder

UNREADABLE = (OSError, ValueError, KeyError, RuntimeError)  # what Keras and h5py raise of a file
STILL_WRITTEN = 10  # seconds since a file's last change in which another process may be fetching it


def built(found: Line, size, include_top: bool, weights: str | None) -> keras.Model:
    """Return Keras' network for images of that size, without preprocessing."""
    function = getattr(keras.applications, found.keras_name)
    return function(
        weights=weights, include_top=include_top, input_shape=(*size, 3), **found.options
    )


def with_published_weights(found: Line, include_top: bool) -> keras.Model:
    """Return Keras' network of the native size with ImageNet's weights.

    A file that turns out to be truncated or of another network is moved aside, so that the next
    call fetches it anew; one that is sound stays where it is, whatever else fails.

    Raises MissingDataError where the weights cannot be had.
    """
    path = weights_folder() / (found.file_with_top if include_top else found.file)
    try:
        with keep_if_deleted(path) as kept:
            return built(found, (found.native_size,) * 2, include_top, "imagenet")
    except Exception as error:  # Keras raises a bare Exception where a download fails
        address = re.search(r"https?://\S+?\.h5", str(error))
        if address:
            raise MissingDataError(_not_fetched(path, address[0], kept.moved_to)) from error
        if not isinstance(error, UNREADABLE):
            raise
        fault = _fault(path, found, include_top)
        if fault is None:
            raise
        if time.time() - path.stat().st_mtime < STILL_WRITTEN:
            raise MissingDataError(
                f"{fault}; it was written to a moment ago, perhaps by a process that is fetching "
                f"it: try again in {STILL_WRITTEN} seconds."
            ) from error
        raise MissingDataError(
            f"{fault}; it was moved to {move_aside(path).name}, so that the next call can fetch it "
            "anew."
        ) from error


def _not_fetched(path: Path, address: str, aside: Path | None) -> str:
    if path.is_file():  # Keras silently takes another folder then
        return (
            f"The weights {path} are here, but Keras reads only a cache that it may write to: make "
            f"{path.parent.parent} writable, or set KERAS_HOME to a copy of it."
        )
    what = "are not on this machine"
    if aside is not None:
        what = f"had another hash than Keras knows, were moved to {aside.name},"
    return (
        f"The weights {path.name} {what} and cannot be fetched from Keras' storage ({address}); put "
        f"that file into {path.parent}, give a file of your own as weights, or weights='none'."
    )


def _fault(path: Path, found: Line, include_top: bool) -> str | None:
    """Return what is wrong with a file, None where it is sound or nobody can tell.

    Two readers have to find it wrong: Keras' own once more, and ours, which names what differs.
    """
    if not path.is_file() or not os.access(path, os.R_OK):
        return None
    network = built(found, (found.native_size,) * 2, include_top, None)
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
