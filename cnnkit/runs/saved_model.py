"""Open a run's model.keras through the guarded door."""

from pathlib import Path
from typing import TYPE_CHECKING

from cnnkit import model_files
from cnnkit.errors import MissingDataError, RunFolderError, SettingError
from cnnkit.keras_import import import_keras
from cnnkit.runs import checksums

if TYPE_CHECKING:
    import keras

NAME = "model.keras"


def open_saved_model(
    folder: Path, *, trust: bool = False, custom_objects: dict[str, object] | None = None
) -> "keras.Model":
    """Return the model that a run saved, if it is as the run saved it and harmless.

    Args:
        folder: The run folder.
        trust: Whether to open it although it has changed since the run wrote it, or brings code,
            such as a Lambda.
        custom_objects: Classes and functions of one's own by name, as Keras' `load_model` takes them.

    Returns:
        A new model, which takes raw inputs and returns probabilities.

    Raises:
        RunFolderError: There is no model yet, it is damaged, or it is refused.
    """
    path = folder / NAME
    if not path.exists():
        raise RunFolderError(f"{folder} has no {NAME}: no epoch was finished.")
    import_keras()  # quietly, before the door imports it
    try:
        if not trust and path.is_file() and checksums.has_changed(folder, NAME):
            raise RunFolderError(
                f"{path} has changed since the run wrote it: copy it again, or, if you trust who "
                "changed it, allow that (--trust, or trust=True)."
            )
        return model_files.load_model(path, trust=trust, custom_objects=custom_objects)
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}.") from None
    except (MissingDataError, SettingError) as error:
        raise RunFolderError(str(error)) from error
