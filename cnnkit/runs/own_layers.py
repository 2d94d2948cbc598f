"""Open a model with layers of one's own, or a Lambda, which its run's source defines."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from cnnkit.errors import CnnkitError, RunFolderError
from cnnkit.keras_import import import_keras
from cnnkit.runs import checksums

if TYPE_CHECKING:
    import keras


def load_model(run, path: Path) -> "keras.Model":
    """Open a run's model; if Keras does not know its layers, execute the run's unchanged source.

    Args:
        run: The `Run`.
        path: Its model.keras.

    Returns:
        The model, not compiled.

    Raises:
        RunFolderError: It needs KerasHub, its source or model have changed since the run, or the
            source defines no such layers.
    """
    try:
        return import_keras().saving.load_model(path, compile=False, safe_mode=True)
    except (TypeError, ValueError) as error:
        # Keras raises this if it cannot import a layer's module, which it does by itself.
        if "module keras_hub" in str(error):
            raise RunFolderError(
                f'{path} has layers of KerasHub, which is not here: pip install "cnnkit[hub]".'
            ) from error
        if isinstance(error, ValueError) and "lambda" not in str(error).lower():
            raise
    needed = {"experiment.py", path.name, checksums.NAME}
    changed = needed & checksums.damaged(run.folder).keys()
    if changed:
        raise RunFolderError(
            f"{path} needs the code of its run, and {' and '.join(sorted(changed))} changed since "
            "the run was made: open only what you trust, with keras.saving.load_model."
        )
    # By its name, as its room stands above this one.
    rebuild = importlib.import_module("cnnkit.experiment.rebuild")
    try:
        names = rebuild.recorded_function(run).__globals__
        own = {name: each for name, each in names.items() if callable(each)}
        load = import_keras().saving.load_model
        return load(path, custom_objects=own, compile=False, safe_mode=False)
    except (CnnkitError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"{path} has layers that neither Keras nor the run's experiment.py defines: import the "
            "module that registers them first (keras.saving.register_keras_serializable)."
        ) from error
