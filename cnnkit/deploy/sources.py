"""What a word means where a trained model is asked for: a run, a model file or a backbone."""

import os
from pathlib import Path

from cnnkit.errors import MissingDataError, RefusedFileError, SettingError, UnknownNameError
from cnnkit.model_files.local_file import is_address
from cnnkit.runs.listing import MARKS, list_runs, resolve
from cnnkit.runs.run import Run
from cnnkit.runs.saved_model import NAME
from cnnkit.transfer.catalogue import HUB, BackboneInfo, backbone_info, names

SUFFIX = ".keras"


def find_source(
    word: str | os.PathLike, runs_dir: str | os.PathLike = "runs"
) -> Run | Path | BackboneInfo:
    """Return what a word names, without importing Keras.

    Args:
        word: A run's folder, the start of its name, or "latest"; the path of a .keras file; or the
            name of a pretrained network. The model.keras of a run folder stands for its run.
        runs_dir: The folder that holds the runs.

    Returns:
        A run, a model file or a pretrained network.

    Raises:
        MissingDataError: There is no such file.
        RefusedFileError: The word is an address, such as gs://bucket/model.keras.
        SettingError: The word names a preset of KerasHub, which has no classifier here.
        RunFolderError: Several runs have names that start so.
        UnknownNameError: Nothing has such a name.
    """
    path, word = Path(word), os.fspath(word)
    if is_address(word) and not word.startswith(HUB):
        raise RefusedFileError(
            f"{word} is an address, and models and runs are read from this machine only, so that they "
            "can be checked first: download it, and name the file or folder."
        )
    if path.suffix.lower() == SUFFIX:
        if path.name == NAME and any(os.path.exists(path.parent / mark) for mark in MARKS):
            return Run(path.parent)
        if not path.exists():
            raise MissingDataError(f"There is no model file {path}; check its path.")
        return path
    if word.startswith(HUB):
        raise SettingError(
            f"{word!r} is a backbone without a classifier: train one on it (cnnkit run --model "
            f"{word}), or name one of {', '.join(names()[:3])}, ..."
        )
    if word in names() and not path.is_dir():
        return backbone_info(word)
    try:
        return resolve(word, Path(runs_dir))
    except UnknownNameError:
        runs = [run.name for run in list_runs(Path(runs_dir))]
        known = [*(["latest"] if runs else []), *runs, *names()]
        raise UnknownNameError(
            f"run in {runs_dir}, backbone or {SUFFIX} file", word, known
        ) from None
