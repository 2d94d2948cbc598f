"""The numbers in Keras' logs: one for each class where a metric has several."""

from collections.abc import Mapping, Sequence

import numpy as np


def scalars(logs: Mapping, class_names: Sequence[str] = ()) -> dict[str, float]:
    """Return logs as numbers, each under a name of its own.

    Args:
        logs: What Keras passes to a callback: numbers, and arrays of metrics such as
            `F1Score(average=None)`. What is no number, as another callback may add, is left out.
        class_names: Names for the parts of an array that has as many as there are classes; other
            parts are numbered.

    Returns:
        The numbers by name.

    >>> scalars({"loss": 0.5, "f1": np.array([0.25, 0.75])}, ("cat", "dog"))
    {'loss': 0.5, 'f1_cat': 0.25, 'f1_dog': 0.75}
    """
    numbers: dict[str, float] = {}
    for name, value in logs.items():
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            continue
        if value is None or isinstance(value, (str, bytes)):
            continue
        if array.ndim == 0:
            numbers[name] = float(array)
            continue
        names = class_names if array.shape == (len(class_names),) else None
        for place, part in np.ndenumerate(array):
            part_name = names[place[0]] if names else "_".join(map(str, place))
            numbers[f"{name}_{part_name}"] = float(part)
    return numbers
