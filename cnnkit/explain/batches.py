"""A function over many samples, in batches of one size: bounded memory, one compilation."""

from collections.abc import Callable

import keras
import numpy as np

from cnnkit.keras_graph.compilation import compile_function


def in_batches(function: Callable, batch_size: int, *arrays: np.ndarray):
    """Return `function(*batch)` over all samples, as if there had been one batch.

    function: takes as many arrays as are given, and returns an array or a tuple of arrays, each
    with the same first axis. The last batch is filled up by repeating its last sample, so that a
    compiled function meets one shape only; what came of that is dropped.

    >>> in_batches(lambda batch: batch * len(batch), 2, np.arange(3))
    array([0, 2, 4])
    """
    samples = len(arrays[0])
    size = min(batch_size, samples)
    parts = []
    for start in range(0, samples, size):
        rows = np.minimum(np.arange(start, start + size), samples - 1)
        kept = min(size, samples - start)
        answers = function(*(array[rows] for array in arrays))
        parts.append(
            tuple(keras.ops.convert_to_numpy(answer)[:kept] for answer in _as_tuple(answers))
        )
    whole = tuple(np.concatenate(column) for column in zip(*parts, strict=True))
    return whole if isinstance(answers, (tuple, list)) else whole[0]


def in_compiled_batches(function: Callable, batch_size: int, *arrays: np.ndarray):
    """Do the same for a function of tensors, compiled where there is more than one batch."""
    run = compile_function(function, repeated=len(arrays[0]) > batch_size)
    return in_batches(
        lambda *batch: run(*(keras.ops.convert_to_tensor(part) for part in batch)),
        batch_size,
        *arrays,
    )


def _as_tuple(answers) -> tuple:
    return tuple(answers) if isinstance(answers, (tuple, list)) else (answers,)
