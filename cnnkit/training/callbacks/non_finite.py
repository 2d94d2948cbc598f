"""Where NaN and infinity come from: the data, a layer, a step."""

import keras
import numpy as np
from keras import ops

from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Dataset, Split
from cnnkit.errors import TrainingError
from cnnkit.models.distillation import student_of

CHUNK = 1024  # samples looked at together
SHOWN = 20  # samples named


def expect_sound(data: Dataset) -> None:
    """Check the numbers and labels of all splits, before training starts.

    Inputs that are integers, or read from files on demand, are not read: the first cannot be NaN, and
    reading the second takes too long.

    Args:
        data: The data set.

    Raises:
        TrainingError: An input is not finite or a label is none of the classes; the sample is named.
    """
    for name, split in data.splits.items():
        labels = np.asarray(split.labels)
        sound = np.isfinite(labels)
        if labels.ndim == 1:
            sound &= (labels >= 0) & (labels < data.num_classes)
        if not sound.all():
            place = int(np.argwhere(~sound)[0, 0])
            raise TrainingError(
                f"The label of {_sample(split, place)} of the {name} split is {labels[place]}; "
                f"labels are from 0 to {data.num_classes - 1}."
            )
        if isinstance(split.inputs, np.ndarray) and split.inputs.dtype.kind == "f":
            _expect_finite(split, name)


def _expect_finite(split: Split, name: str) -> None:
    for begin in range(0, len(split), CHUNK):
        chunk = split.inputs[begin : begin + CHUNK]
        if not np.isfinite(chunk).all():
            first = tuple(np.argwhere(~np.isfinite(chunk))[0])
            place = tuple(int(each) for each in first[1:])
            raise TrainingError(
                f"{_sample(split, begin + int(first[0]))} of the {name} split has {chunk[first]} at "
                f"{place}; leave it out, or put it right."
            )


def origin(model: keras.Model, batches: Batches, epoch: int, step: int) -> str:
    """Describe where a step's numbers first become not finite, and name the step's samples.

    Args:
        model: The trained model.
        batches: What it is trained on.
        epoch: From 0.
        step: From 0.

    Returns:
        One or two sentences.
    """
    batches.epoch, model = epoch, student_of(model)
    chosen = batches.chosen(step)
    named = ", ".join(_sample(batches.split, int(place)) for place in chosen[:SHOWN])
    more = f" and {len(chosen) - SHOWN} more" if len(chosen) > SHOWN else ""
    return f"{_layer(model, batches, step)}The step's samples: {named}{more}."


def _layer(model: keras.Model, batches: Batches, step: int) -> str:
    for variable in model.variables:
        if not np.isfinite(_numbers(variable)).all():
            return f"The first weights that are not finite: {variable.path}. "
    try:
        outputs = [layer.output for layer in model.layers]
        answers = keras.Model(model.inputs, outputs)(batches[step][0], training=False)
    except (AttributeError, ValueError):  # no functional network
        return ""
    for layer, answer in zip(model.layers, answers, strict=True):
        if not np.isfinite(_numbers(answer)).all():
            return f"The first layer whose answer is not finite: {layer.name}. "
    return ""


def _numbers(tensor) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor), "float64")


def _sample(split: Split, place: int) -> str:
    """Return what to call a sample: its file where it has one, else its index."""
    paths = getattr(split.inputs, "paths", None)
    return str(paths[place]) if paths else f"sample {place}"
