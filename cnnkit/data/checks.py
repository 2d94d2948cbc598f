"""Checks of inputs and labels when a Split or a Dataset is made, before anything trains."""

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnkit.errors import SettingError

CHECKED_INPUTS = 256  # of each split, spread over it; their values are compared with value_range
STANDARDISED = 20  # standard deviations; larger values are no standardised ones


def as_array(name: str, values):
    """Convert inputs or labels to something with a shape and a dtype.

    Args:
        name: "inputs" or "labels", for the error.
        values: Anything that `numpy.asarray` takes, or an object that is indexed like an array.

    Returns:
        `values` itself if it has a shape and a dtype and can be indexed; else a NumPy array.

    Raises:
        SettingError: NumPy cannot convert the values, or the array has dtype object or no axis.
    """
    if type(values).__module__.startswith("pandas"):  # which indexes by labels, not by positions
        array = np.asarray(values)
    elif all(hasattr(values, each) for each in ("shape", "dtype", "__getitem__", "__len__")):
        array = values
    else:
        try:
            array = np.asarray(values)
        except (TypeError, ValueError):  # rows of unequal lengths
            array = None
    if array is None or not array.shape or array.dtype == object:
        raise SettingError(
            f"The {name} of a split are an array, or a list of rows of one shape, not "
            f"{type(values).__name__}: give a NumPy array of shape (samples, ...)."
        )
    return array


def plain_labels(labels, num_classes: int) -> np.ndarray:
    """Convert labels to the form that a Split holds.

    Args:
        labels: Class indices, shape (samples,) or (samples, 1), as integers or whole floats; or a
            number for each class, shape (samples, num_classes).
        num_classes: How many classes there are.

    Returns:
        Class indices, int64, shape (samples,); or the unchanged labels of shape (samples,
        num_classes).

    Raises:
        SettingError: The labels have another shape or dtype, or are none of the classes.
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1 < num_classes:
        labels = labels[:, 0]
    if labels.dtype.kind not in "buif":
        raise SettingError(
            f"Labels are class indices, not {labels.dtype}: class_names, labels = np.unique(labels, "
            "return_inverse=True) makes them of names."
        )
    if labels.ndim == 2 and labels.shape[1] == num_classes:
        return labels
    if labels.ndim != 1:
        raise SettingError(
            f"Labels of {num_classes} classes have the shape (samples,), or (samples, {num_classes}) "
            f"where a sample may have several classes, not {labels.shape}."
        )
    with np.errstate(invalid="ignore"):  # the next check reports NaN
        indices = labels.astype(np.int64, copy=False)
    if (indices != labels).any():
        raise SettingError("Labels are class indices, whole numbers, and some of these are not.")
    if len(indices) and not 0 <= indices.min() <= indices.max() < num_classes:
        raise SettingError(
            f"The labels of {num_classes} classes are 0 to {num_classes - 1}, and these go from "
            f"{indices.min()} to {indices.max()}."
        )
    return indices


def expect_one_shape(name: str, splits: Mapping[str, Any]) -> None:
    """Check that all splits have inputs of one shape, and labels of one kind.

    Args:
        name: The data set's name.
        splits: Splits with `inputs` and `labels`, by name; the first is what others must fit.

    Raises:
        SettingError: A split differs.
    """
    first, *_ = splits
    for what in ("inputs", "labels"):
        wanted = getattr(splits[first], what).shape[1:]
        for split_name, split in splits.items():
            shape = getattr(split, what).shape[1:]
            if shape != wanted:
                raise SettingError(
                    f"The data set {name!r} has {what} of the shape {wanted} in {first} and "
                    f"{shape} in {split_name}."
                )


def warn_of_misreading(
    name: str, splits: Mapping[str, Any], value_range: tuple[float, float], scale: float
) -> None:
    """Warn if labels or inputs look as if their kind or range were declared wrongly.

    Args:
        name: The data set's name.
        splits: Splits with `inputs` and `labels`, by name; the first is the training split.
        value_range: What the stored values span, as declared: (low, high).
        scale: What inputs are multiplied by before a network sees them.
    """
    labels = next(iter(splits.values())).labels
    if labels.ndim == 2 and labels.shape[1] > 1 and (labels.sum(axis=1) == 1).all():
        warnings.warn(
            f"Each training sample of {name!r} has exactly one class, and its labels say that "
            "it may have several: labels.argmax(axis=1) are those of one class.",
            stacklevel=4,
        )
    for split_name, split in splits.items():
        lowest, highest = _span(split.inputs, value_range)
        subject = f"The {split_name} inputs of {name!r}"
        if scale != 1 and _are_flags(split.inputs):
            warning = (
                f"{subject} are all 0 or 1, and 1/255 of them is what networks see: give "
                "value_range=(0, 1), or store black and white as 0 and 255."
            )
        elif scale != 1 and lowest >= 0 and 0 < highest <= 1:
            warning = (
                f"{subject} are fractions, which go to {highest:g}, and 1/255 of them is what "
                "networks see: give value_range=(0, 1) if they are scaled."
            )
        elif lowest < value_range[0] or highest > value_range[1]:
            seen = "networks see 1/255 of them" if scale != 1 else "networks see them unscaled"
            warning = (
                f"{subject} go from {lowest:g} to {highest:g}, outside "
                f"value_range=({value_range[0]:g}, {value_range[1]:g}), and {seen}: "
                f"{_remedy(lowest, highest)}."
            )
        else:
            continue
        warnings.warn(warning, stacklevel=4)
        return


def _span(inputs, value_range: tuple[float, float]) -> tuple[float, float]:
    """Return the least and the greatest finite value of some inputs; (low, low) where none is odd."""
    low, high = value_range
    kind = np.dtype(inputs.dtype)
    fits = kind.kind in "iu" and low <= np.iinfo(kind).min and np.iinfo(kind).max <= high
    if fits or kind.kind not in "iuf" or not isinstance(inputs, np.ndarray):
        return low, low  # what is read from files is checked by its loader
    step = max(1, -(-len(inputs) // CHECKED_INPUTS))
    values = np.asarray(inputs[::step])
    values = values[np.isfinite(values)]  # NaN is an error of training
    return (float(values.min()), float(values.max())) if values.size else (low, low)


def _are_flags(inputs) -> bool:
    """Return whether integers in memory are all 0 or 1, as masks and drawings of two values are."""
    if not isinstance(inputs, np.ndarray) or inputs.dtype.kind not in "iub" or not inputs.size:
        return False
    values = np.asarray(inputs[:: max(1, -(-len(inputs) // CHECKED_INPUTS))])
    return int(values.min()) == 0 and int(values.max()) == 1


def _remedy(lowest: float, highest: float) -> str:
    """Return what to set for values of this span."""
    if lowest >= 0 and 1 < highest <= 255 and highest > STANDARDISED:
        return "give value_range=(0, 255)"
    if max(-lowest, highest) <= STANDARDISED:
        return f"give value_range=({math.floor(lowest)}, {math.ceil(highest)})"
    return (
        f"replace them by (inputs - {lowest:g}) / {highest - lowest:g}, in every split alike, and "
        "give value_range=(0, 1)"
    )
