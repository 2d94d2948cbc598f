"""The answers of a run to each item of the test split, so that runs can be compared item by item."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import safetensors
from safetensors import numpy as safetensors_numpy

from cnnkit import atomic
from cnnkit.errors import RunFolderError
from cnnkit.evaluation import Evaluation, MultiLabelEvaluation
from cnnkit.runs import files
from cnnkit.runs.run import Run

NAME = "predictions.safetensors"
FIELDS = ("labels", "predicted", "confidence")


@dataclass(frozen=True)
class Predictions:
    """What a network answers to each item of a test split.

    Attributes:
        labels: True class indices, shape (items,), unsigned; with several classes an item, which
            ones, shape (items, classes), bool.
        predicted: The network's answers, of the same shape and kind.
        confidence: The probability of the predicted class, shape (items,), float32; with several
            classes an item, of each class, shape (items, classes).
    """

    labels: np.ndarray
    predicted: np.ndarray
    confidence: np.ndarray

    @property
    def is_correct(self) -> np.ndarray:
        """Whether the answer to each item is right, with all of its classes; shape (items,), bool."""
        same = self.labels == self.predicted
        return same if same.ndim == 1 else same.all(axis=1)


def write(run: Run, evaluation: Evaluation | MultiLabelEvaluation) -> None:
    """Write the answers of a run to the test split, atomically: a few bytes an item.

    Args:
        run: The run.
        evaluation: Of its test split.
    """
    several = evaluation.labels.ndim == 2
    whole = bool if several else np.min_scalar_type(len(evaluation.class_names))
    confidence = evaluation.probabilities if several else evaluation.probabilities.max(axis=1)
    arrays: Mapping[str, np.ndarray] = {
        "labels": np.ascontiguousarray(evaluation.labels > 0 if several else evaluation.labels, whole),
        "predicted": np.ascontiguousarray(evaluation.predicted, whole),
        "confidence": np.ascontiguousarray(confidence, np.float32),
    }  # fmt: skip
    atomic.write_bytes(run.folder / NAME, safetensors_numpy.save(dict(arrays)))


def read(run: Run) -> Predictions | None:
    """Read the answers of a run to the test split.

    Args:
        run: The run.

    Returns:
        The answers; None for a run that was not tested, or by a version that did not keep them.

    Raises:
        RunFolderError: The file is broken; the message has its path and the reason.
    """
    try:
        arrays = safetensors_numpy.load(files.read_bytes(run.folder, NAME))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(run, str(error.strerror)) from None
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(run, str(error)) from None
    missing = [name for name in FIELDS if name not in arrays]
    if missing:
        raise _unreadable(run, f"{missing[0]} is missing")
    labels, predicted, confidence = (arrays[name] for name in FIELDS)
    if labels.ndim not in (1, 2) or not labels.shape == predicted.shape == confidence.shape:
        raise _unreadable(run, "its arrays differ in shape")
    if labels.dtype.kind not in "bu" or predicted.dtype.kind not in "bu":
        raise _unreadable(run, "its labels are no classes")
    return Predictions(labels, predicted, confidence)


def _unreadable(run: Run, reason: str) -> RunFolderError:
    return RunFolderError(f"{run.folder / NAME} cannot be read: {reason}.")
