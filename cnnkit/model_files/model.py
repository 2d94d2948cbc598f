"""Open a `.keras` file: the one way in which cnnkit makes a model of a file."""

import contextlib
import math
import os
from pathlib import Path

import keras
import numpy as np

from cnnkit.errors import CnnkitError, RefusedFileError, SettingError
from cnnkit.keras_graph.deferred_variables import (
    LargeVariableError,
    ObjectSharingScope,
    deferred_variables,
)
from cnnkit.model_files import configuration
from cnnkit.model_files.archive import unpacked
from cnnkit.model_files.hdf5 import check_weights
from cnnkit.model_files.sizes import check_sizes

SPARE_NUMBERS = 1 << 20  # that a model may have beyond those that its file holds


def load_model(
    path: str | os.PathLike,
    *,
    trust: bool = False,
    custom_objects: dict[str, object] | None = None,
) -> keras.Model:
    """Open a `.keras` file that may be somebody else's; the model is not compiled.

    Everything is checked before it is used: members and sizes of the archive, what the configuration
    names, and what the arrays declare. Layers of one's own open where the code that registers them
    (`keras.saving.register_keras_serializable`) is imported.

    Args:
        path: The file.
        trust: Whether the file may bring code, such as a Lambda. What its
            archive and arrays declare is checked all the same.
        custom_objects: Classes and functions of one's own by name, used if the file is trusted.

    Returns:
        The model.

    Raises:
        MissingDataError: There is no such file.
        SettingError: It is damaged, or Keras cannot make a model of it.
        RefusedFileError: It could do harm, or holds weights that are not finite.
    """
    with unpacked(path) as contents:
        weights = contents.weights
        recipe = configuration.read(path, contents.configuration, trust=trust)
        if contents.assets and not trust:
            raise RefusedFileError(
                f"{path} is refused: its member {contents.assets[0]!r} is an asset, which only layers "
                "with a vocabulary have."
            )
        stored = _named_as(path, weights)
        try:
            if contents.assets:  # which only Keras' own reader brings to their layers
                model = keras.saving.load_model(
                    path, custom_objects, compile=False, safe_mode=False
                )
            else:
                model = _built(path, recipe, stored, trust, custom_objects)
                model.load_weights(weights)
        except (CnnkitError, MemoryError):
            raise
        except Exception as error:  # Keras raises anything, depending on what is wrong
            raise SettingError(
                f"Keras cannot make a model of {path}: {_in_short(error)}; it may be damaged, or of "
                f"another version than Keras {keras.__version__}."
            ) from error
    for variable in model.weights:
        values = keras.ops.convert_to_numpy(variable)
        if values.dtype.kind not in "iub" and not np.isfinite(values).all():
            raise RefusedFileError(
                f"{path} is refused: its weights {variable.path} have values that are NaN or "
                "infinite, as a training that diverged leaves them; use an earlier file."
            )
    return model


def _named_as(path: str | os.PathLike, weights: Path) -> int:
    """Return how many numbers the weights have; errors name the file that the user knows."""
    try:
        return check_weights(weights)
    except SettingError as error:
        raise type(error)(str(error).replace(str(weights), f"{path} ({weights.name})")) from None


def _built(
    path: str | os.PathLike, recipe: dict, stored: int, trust: bool, custom_objects: dict | None
) -> keras.Model:
    """Build the model; its weights take memory only if the file holds as many."""
    # A layer of one's own may need values while it is built; Keras' and cnnkit's need few.
    most = stored + SPARE_NUMBERS
    with contextlib.nullcontext() if trust else deferred_variables(most):
        try:
            with ObjectSharingScope():
                model = keras.saving.deserialize_keras_object(
                    recipe, custom_objects if trust else None, safe_mode=not trust
                )
        except LargeVariableError as error:
            raise RefusedFileError(
                f"{path} is refused: {error}, and the file holds {stored:,}; save the model again "
                "with model.save."
            ) from None
        if not isinstance(model, keras.Model):
            raise SettingError(f"{path} holds {type(model).__name__}, which is no model.")
        needed = sum(math.prod(variable.shape) for variable in model.variables)
        if needed > most:
            raise RefusedFileError(
                f"{path} is refused: its layers need {needed:,} numbers and it holds {stored:,}; "
                "save the model again with model.save."
            )
        if not trust:
            check_sizes(path, model)
    return model


def _in_short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")
