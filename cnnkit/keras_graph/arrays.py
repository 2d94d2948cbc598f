"""What leaves a network for NumPy: float32 at least, whatever the network computes in."""

import keras
import numpy as np


def as_numpy(values) -> np.ndarray:
    """Return a tensor or array for NumPy, figures and files.

    NumPy sums bfloat16 in bfloat16, where 256 + 1 is 256, and matplotlib does not know it.

    Args:
        values: A tensor, variable or array.

    Returns:
        An array; bfloat16 and other floats of less than 32 bits become float32.
    """
    array = keras.ops.convert_to_numpy(values)
    is_short = array.itemsize < 4 and keras.backend.is_float_dtype(array.dtype.name)
    return array.astype("float32") if is_short else array


def in_float32(tensor):
    """Return a tensor of floats in float32, at least; other tensors as they are.

    Args:
        tensor: A tensor of the Keras backend.
    """
    dtype = keras.backend.standardize_dtype(tensor.dtype)
    is_short = dtype != "float64" and keras.backend.is_float_dtype(dtype)
    return keras.ops.cast(tensor, "float32") if is_short else tensor
