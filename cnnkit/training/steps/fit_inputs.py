"""What `cnnkit.fit` trains on: arrays, a PyDataset or a stream of batches, each resumable if it can be.

All of them answer what the list of callbacks asks: how many batches an epoch has, which epoch
begins, and how to pass over the steps that were done before training was interrupted.
"""

import hashlib

import keras
import numpy as np

from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Split, update_digest
from cnnkit.errors import SettingError


class _Resumable:
    """What the list of callbacks asks of inputs that do not look ahead."""

    epoch = 0
    first = 0  # set by the list of callbacks, and not needed: `skip` passes over the steps
    reached = 0  # no step is computed before Keras asks for it

    def skip(self, iterator, steps: int) -> None:
        """Draw as many batches from Keras' iterator as were trained on before."""
        for _ in range(steps):
            next(iterator, None)


class ArrayInputs(_Resumable, keras.utils.PyDataset):
    """Batches of arrays, in an order that follows from the seed and the epoch alone.

    Args:
        arrays: (x, y) or (x, y, sample_weight); each an array or a nest of arrays, as in
            `model.fit`, or anything with `shape` and `inputs[indices] -> array`.
        batch_size: Samples a batch; the last batch may be smaller.
        seed: Shuffles each epoch; None keeps the order.
    """

    def __init__(self, arrays: tuple, batch_size: int, seed: int | None):
        super().__init__()
        self.arrays, self.batch_size = arrays, batch_size
        positions = np.arange(num_samples(arrays))
        self.split = Split(positions, positions)  # gives samples their names in error messages
        self._order = Batches(self.split, batch_size, seed=seed)

    @property
    def num_batches(self) -> int:
        """Batches an epoch."""
        return self._order.num_batches

    def chosen(self, step: int) -> np.ndarray:
        """Return the positions of a step's samples in this epoch, shape (batch,)."""
        self._order.epoch = self.epoch
        return self._order.chosen(step)

    def __getitem__(self, step: int) -> tuple:
        chosen = self.chosen(step)
        return keras.tree.map_structure(lambda array: array[chosen], self.arrays)

    def content_hash(self) -> str:
        """Return the SHA-256 of all arrays, as a hexadecimal string."""
        digest = hashlib.sha256()
        for array in keras.tree.flatten(self.arrays):
            digest.update(f"{array.shape} {array.dtype}".encode())
            update_digest(digest, array)
        return digest.hexdigest()


class PyDatasetInputs(_Resumable, keras.utils.PyDataset):
    """A user's PyDataset, its batches in an order that follows from the seed and the epoch alone.

    Args:
        batches: The user's own.
        seed: Shuffles the batches of each epoch; None keeps their order.
    """

    def __init__(self, batches: keras.utils.PyDataset, seed: int | None):
        super().__init__(
            workers=batches.workers,
            use_multiprocessing=batches.use_multiprocessing,
            max_queue_size=batches.max_queue_size,
        )
        self.batches, positions = batches, np.arange(batches.num_batches)
        self._order = Batches(Split(positions, positions), 1, seed=seed)

    @property
    def num_batches(self) -> int:
        """Batches an epoch."""
        return self.batches.num_batches

    def __getitem__(self, step: int):
        self._order.epoch = self.epoch
        return self.batches[int(self._order.chosen(step)[0])]

    def on_epoch_begin(self) -> None:
        """Pass it on; Keras calls this."""
        self.batches.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Pass it on; Keras calls this."""
        self.batches.on_epoch_end()


class StreamInputs(_Resumable):
    """Anything else that `model.fit` takes: a tf.data.Dataset, a generator, a DataLoader.

    Args:
        source: What `model.fit` takes as `x`.
        num_batches: Steps an epoch; None where that is not known before the first epoch ends.
    """

    def __init__(self, source, num_batches: int | None):
        self.source, self.num_batches = source, num_batches


def as_arrays(nest):
    """Return a nest of arrays, tensors, lists of numbers or data frames as a nest of arrays.

    Args:
        nest: What `model.fit` takes as `x`, `y` or `sample_weight`.

    Returns:
        The same nest. Floats have Keras' `floatx`, as `model.fit` makes them; what is read as it is
        indexed, such as pictures in files, stays as it is.
    """
    if isinstance(nest, list) and nest and all(np.ndim(item) == 0 for item in nest):
        nest = np.asarray(nest)
    return keras.tree.map_structure(_as_array, nest)


def _as_array(value):
    if hasattr(value, "content_hash"):
        return value
    array = keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else np.asarray(value)
    return array.astype(keras.config.floatx(), copy=False) if array.dtype.kind == "f" else array


def num_samples(arrays: tuple) -> int:
    """Return how many samples arrays have.

    Args:
        arrays: A nest of arrays, the samples along their first axis.

    Raises:
        SettingError: They differ in length, have no samples, or are no arrays.
    """
    leaves = keras.tree.flatten(arrays)
    shapes = [tuple(getattr(leaf, "shape", ())) for leaf in leaves]
    if not all(shapes) or any(_is_object(leaf) for leaf in leaves):
        raise SettingError(
            "x and y are arrays of numbers with the samples along their first axis, a "
            "tf.data.Dataset, a keras.utils.PyDataset, or a pandas frame of paths and labels."
        )
    lengths = sorted({shape[0] for shape in shapes})
    if len(lengths) > 1:
        raise SettingError(
            "x, y and sample_weight need as many samples each, and these have "
            f"{' and '.join(map(str, lengths))}."
        )
    if not lengths[0]:
        raise SettingError("x has no samples.")
    return lengths[0]


def _is_object(leaf) -> bool:
    return getattr(getattr(leaf, "dtype", None), "kind", "") == "O"
