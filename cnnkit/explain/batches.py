"""Run a function over many samples in batches of one size: bounded memory, one compilation."""

from collections.abc import Callable

import keras
import numpy as np

from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.keras_graph.compilation import compile_function


def in_batches(function: Callable, batch_size: int, *arrays: np.ndarray):
    """Apply a function to all samples, batch by batch.

    The last batch is filled up by repeating its last sample, so that a compiled function meets one
    shape only. The outputs of those extra samples are dropped.

    Args:
        function: Takes one batch of each array. Returns an array or a tuple of arrays, each with one
            row a sample.
        batch_size: The largest number of samples in a batch.
        *arrays: Arrays with the same number of samples.

    Returns:
        An array or a tuple of arrays, as the function returns, with a row for each sample.

    >>> in_batches(lambda batch: batch * len(batch), 2, np.arange(3))
    array([0, 2, 4])
    """
    samples = len(arrays[0])
    size = min(batch_size, samples)
    parts = []
    for start in range(0, samples, size):
        rows = np.minimum(np.arange(start, start + size), samples - 1)
        used = min(size, samples - start)
        results = function(*(array[rows] for array in arrays))
        parts.append(tuple(as_numpy(result)[:used] for result in _as_tuple(results)))
    joined = tuple(np.concatenate(column) for column in zip(*parts, strict=True))
    return joined if isinstance(results, (tuple, list)) else joined[0]


def in_compiled_batches(function: Callable, batch_size: int, *arrays: np.ndarray):
    """Apply a function of tensors batch by batch; compile it if there is more than one batch.

    Args:
        function: As in `in_batches`, but on tensors of the Keras backend.
        batch_size: The largest number of samples in a batch.
        *arrays: Arrays with the same number of samples.

    Returns:
        As `in_batches`: NumPy arrays.
    """
    run = compile_function(function, repeated=len(arrays[0]) > batch_size)
    return in_batches(
        lambda *batch: run(*(keras.ops.convert_to_tensor(part) for part in batch)),
        batch_size,
        *arrays,
    )


def _as_tuple(results) -> tuple:
    return tuple(results) if isinstance(results, (tuple, list)) else (results,)
