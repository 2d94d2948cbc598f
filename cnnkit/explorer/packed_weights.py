"""All weights of a network in one array of bytes."""

import numpy as np

from cnnkit.keras_graph.arrays import as_numpy

LARGEST_HALF = float(np.finfo(np.float16).max)


class PackedWeights:
    """Takes weights one by one; a weight that several calls share is taken once.

    Args:
        precision: "float32", or "float16" for kernels. Vectors, such as biases and variances, are few
            and stay float32.
    """

    def __init__(self, precision: str):
        self._precision = precision
        self._parts: list[bytes] = []
        self._size = 0
        self._taken: dict[int, dict] = {}

    def described(self, variable, trainable: bool) -> dict:
        """Take a weight.

        Args:
            variable: A Keras variable.
            trainable: Whether training changes it.

        Returns:
            Its entry in the document.
        """
        entry = self._taken.get(id(variable))
        if entry is None:
            values = as_numpy(variable).astype(np.float32)
            dtype = self._dtype(values)
            entry = {
                "name": variable.name,
                "shape": list(values.shape),
                "offset": self._append(values.astype(f"<f{np.dtype(dtype).itemsize}")),
                "dtype": dtype,
            }
            self._taken[id(variable)] = entry
        return entry | {"trainable": bool(trainable)}

    def content(self) -> bytes:
        """Return the bytes of all weights that were taken."""
        return b"".join(self._parts)

    def _dtype(self, values: np.ndarray) -> str:
        fits = values.ndim > 1 and np.abs(values).max(initial=0) <= LARGEST_HALF
        return self._precision if fits else "float32"

    def _append(self, values: np.ndarray) -> int:
        offset = self._size
        content = values.tobytes()
        content += bytes(-len(content) % 4)  # so that every weight begins at a multiple of 4
        self._parts.append(content)
        self._size += len(content)
        return offset
