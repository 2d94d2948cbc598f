"""What a search is after: how well a trial did, and what its network costs."""

import math
import statistics
import time

import keras
import numpy as np

from cnnkit.errors import SettingError
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.models.anatomy import anatomy
from cnnkit.runs import Run

CALLS = 50  # of a network, of which the median is its latency


def values_of(run: Run, objectives: tuple[str, ...]) -> list[float]:
    """Return a finished run's value for each objective.

    Args:
        run: The run.
        objectives: Names of `names.OBJECTIVES`.

    Returns:
        The values, in the same order.

    Raises:
        SettingError: The run has no such number.
    """
    return [_value(run, name) for name in objectives]


def curve_name(objective: str, accuracy: str | None) -> str | None:
    """Return the name in Keras' logs of what a pruner compares, for one objective.

    Args:
        objective: Its name.
        accuracy: The name of the accuracy in the logs, or None.

    Returns:
        Such as "val_loss"; None for an objective that does not change while a network trains.
    """
    names = {
        "accuracy": f"val_{accuracy or 'accuracy'}",
        "average_precision": "val_average_precision",
        "loss": "val_loss",
    }
    return names.get(objective)


def milliseconds_a_call(model: keras.Model) -> float:
    """Return how long a network takes for one input, on this machine under its present load.

    Args:
        model: A model whose input has a known shape.

    Returns:
        The median of 50 calls, after one that compiles.
    """
    shape = [1, *(32 if size is None else size for size in model.input_shape[1:])]
    call = compile_function(lambda inputs: model(inputs, training=False))
    inputs, seconds = keras.ops.convert_to_tensor(np.zeros(shape, "float32")), []
    for _ in range(CALLS + 1):
        began = time.perf_counter()
        as_numpy(call(inputs))
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds[1:])


def _value(run: Run, objective: str) -> float:
    if objective == "parameters":
        return run.experiment["model"]["parameters"]
    if objective == "latency":
        return milliseconds_a_call(run.model)
    if objective == "multiply_adds":
        number = anatomy(run.model).multiply_adds
    else:
        number = run.results["validation"].get(objective)
    if number is None or not math.isfinite(number):
        raise SettingError(
            f"The objective {objective!r} is not known of {run.name}: choose another one."
        )
    return number
