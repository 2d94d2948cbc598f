"""Copy files into a folder for each label."""

import filecmp
import itertools
import os
import re
import shutil
from pathlib import Path

from cnnkit.atomic import replacing
from cnnkit.deploy.prediction import Prediction
from cnnkit.errors import SettingError

UNNAMED = "_none"  # the folder of files without an answer
LONGEST = 100  # characters of a folder's name


def copy_by_label(
    path: Path, prediction: Prediction, folder: Path, threshold: float | None = None
) -> list[Path]:
    """Copy a file to FOLDER/LABEL, for each label that it is given.

    A copy that is there already is left. Another file of that name stays, too: the copy is numbered.

    Args:
        path: The file.
        prediction: What the model says of it. A file that could not be read is not copied.
        folder: Where the labels' folders are, or will be made.
        threshold: As of `Prediction.answers`. A file without an answer goes to the folder "_none".

    Returns:
        The copies.

    Raises:
        SettingError: A copy cannot be written.
    """
    if prediction.problem:
        return []
    labels = [folder_name(label) for label, _ in prediction.answers(threshold)] or [UNNAMED]
    return [_copied(path, folder / label) for label in labels]


def folder_name(label: str) -> str:
    """Return a name for the folder of a label, which leads nowhere else.

    Args:
        label: The name of a class.

    Returns:
        The label without separators, control characters and dots at its ends.

    >>> folder_name("../cat / dog")
    'cat _ dog'
    """
    name = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+', "_", label).strip(" ._")[:LONGEST]
    return name or "_"


def _copied(path: Path, folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            part = "" if number == 1 else f"-{number}"
            target = folder / f"{path.stem}{part}{path.suffix}"
            if not os.path.lexists(target):
                break
            if target.is_file() and filecmp.cmp(path, target, shallow=False):
                return target
        with replacing(target) as temporary:
            shutil.copy2(path, temporary)
    except OSError as error:
        raise SettingError(
            f"{path} cannot be copied to {folder}: {error.strerror or error}."
        ) from error
    return target
