"""A pandas frame of image paths and labels, as arrays that `cnnkit.fit` trains on."""

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from cnnkit.data.files.table import LABEL, PATH
from cnnkit.data.images.lazy_images import Decoding, Pictures, check
from cnnkit.data.inspection import duplicates
from cnnkit.errors import BadFilesError, SettingError
from cnnkit.losses.expected_labels import expects_one_hot


def is_frame(value) -> bool:
    """Return whether this is a pandas frame with a column of paths and one of labels."""
    columns = getattr(value, "columns", ())
    return any(name in columns for name in PATH) and any(name in columns for name in LABEL)


def arrays_of_frame(frame, model: keras.Model, class_names: list | None = None) -> tuple:
    """Return a frame's pictures, its labels, and its class names.

    Args:
        frame: Its column `path` (or file, filename, image) holds paths of image files, absolute or
            relative to the current folder; its column `label` (or class) holds class names or
            numbers.
        model: Its input shape (None, height, width, channels) says what the pictures are resized to.
            Its loss says whether labels are class indices or a number a class.
        class_names: Those of the training data, for validation data; None finds them.

    Returns:
        (pictures, labels, class names): pictures of shape (samples, height, width, channels), uint8,
        0 to 255, decoded as they are read; labels int64 of shape (samples,), or float32 of shape
        (samples, classes) where the loss takes one-hot labels.

    Raises:
        SettingError: The model takes no images of a fixed size, or a label is none of the classes.
        BadFilesError: A file cannot be read as an image.
    """
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4 or None in shape[1:]:
        raise SettingError(
            f"A frame of image paths needs a model for images of one size, not for {shape}."
        )
    paths = [str(path) for path in frame[next(name for name in PATH if name in frame.columns)]]
    decoding = Decoding(tuple(shape[1:3]), shape[3])
    root = Path.cwd()
    checked = check(root, paths, decoding)
    if checked.bad:
        raise BadFilesError("These files of the frame cannot be read:", checked.bad)
    digests = [digest for digest in checked.digests if digest is not None]  # all: none is bad
    pictures = Pictures(root, paths, digests, decoding, checked.store)
    column = frame[next(name for name in LABEL if name in frame.columns)].tolist()
    class_names = sorted(set(column)) if class_names is None else class_names
    unknown = set(column) - set(class_names)
    if unknown:
        raise SettingError(f"Labels that no training sample has: {sorted(unknown)}.")
    index = {name: number for number, name in enumerate(class_names)}
    labels: np.ndarray = np.array([index[name] for name in column], np.int64)
    if expects_one_hot(model.loss):
        labels = np.eye(len(class_names), dtype=np.float32)[labels]
    return pictures, labels, class_names


def remarks_on_frames(frames: Mapping[str, tuple[Pictures, np.ndarray]]) -> tuple[str, ...]:
    """Say which pictures of frames lie in several classes, or in several splits.

    Args:
        frames: Pictures and labels of each split, by its name.

    Returns:
        A sentence for classes, and one for splits, where there are such pictures.
    """
    digests, paths, classes, splits = [], [], [], []
    for split, (pictures, labels) in frames.items():
        digests += pictures.digests
        paths += pictures.paths
        classes += [str(label) for label in labels.tolist()]
        splits += [split] * len(pictures)
    sides = {"classes": classes, "splits": splits}
    found = {name: duplicates.apart(digests, side, paths) for name, side in sides.items()}
    return tuple(duplicates.in_words(files, name) for name, files in found.items() if files)
