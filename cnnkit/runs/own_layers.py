"""Open a model with layers of one's own, or a Lambda, which its run's source defines."""

from typing import TYPE_CHECKING

from cnnkit.errors import RefusedFileError, RunFolderError, SettingError
from cnnkit.runs import source_code
from cnnkit.runs.saved_model import open_saved_model

if TYPE_CHECKING:
    import keras


def load_model(run) -> "keras.Model":
    """Open a run's model; if it brings code, execute the run's unchanged source first.

    Args:
        run: The `Run`.

    Returns:
        The model, not compiled.

    Raises:
        RunFolderError: There is no model yet, it is damaged, it could do harm, its source has
            changed, or the source defines no such layers.
    """
    try:
        return open_saved_model(run.folder, trust=run.trust)
    except RunFolderError as error:
        code_may_help = SettingError if run.trust else RefusedFileError
        if not isinstance(error.__cause__, code_may_help):
            raise
        source = run.experiment.get("source") or {}
        if source.get("built_in", True):
            raise
        refused = error
    try:
        names = source_code.imported_function(run).__globals__
        own = {name: each for name, each in names.items() if callable(each)}
        return open_saved_model(run.folder, trust=True, custom_objects=own)
    except SettingError as error:
        raise RunFolderError(f"{refused} Its source could not be used: {error}") from error
