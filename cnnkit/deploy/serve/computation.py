"""What a served model computes: probabilities of a batch of any size."""

import keras
import numpy as np

from cnnkit.deploy.inputs import ArrayInput
from cnnkit.deploy.trained_model import TrainedModel
from cnnkit.errors import SettingError
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.transfer.batch_norm_fusion import fuse_batch_norm


class Computation:
    """Computes the probabilities of decoded inputs.

    Keras' own `predict_on_batch` computes them, for any model on any backend. ONNX Runtime brings
    little behind HTTP: 32 clients get 1.4 times as many answers a second from LeNet-5, and 0.6 times
    as many from MobileNetV2.

    Args:
        trained: The model.
        max_batch: Inputs of a batch, at most.

    Attributes:
        inputs: How files become inputs.

    Raises:
        SettingError: The model takes arrays, which no file is decoded to.
    """

    def __init__(self, trained: TrainedModel, max_batch: int):
        if isinstance(trained.inputs, ArrayInput):
            raise SettingError(
                f"{trained.name} takes arrays of shape {trained.inputs.shape}; models of pictures, "
                "sounds and texts can be served."
            )
        self.inputs, self._max_batch = trained.inputs, max_batch
        self._model = fuse_batch_norm(trained.model)
        self._pads = keras.backend.backend() == "jax"  # which compiles for each shape

    def __call__(self, samples: list) -> np.ndarray:
        """Compute a batch.

        Args:
            samples: What `inputs.decode` returned, 1 to `max_batch`.

        Returns:
            Probabilities, shape (samples, classes).

        Raises:
            FloatingPointError: They are not finite.
        """
        batch = self.inputs.batch(samples)
        if self._pads:
            batch = np.pad(batch, [(0, self._padding(len(batch))), *[(0, 0)] * (batch.ndim - 1)])
        probabilities = as_numpy(self._model.predict_on_batch(batch))[: len(samples)]
        if not np.isfinite(probabilities).all():
            raise FloatingPointError("The model's probabilities are not finite.")
        return probabilities

    def warm_up(self) -> None:
        """Compute once for each shape that is compiled, so that no request has to wait for it."""
        sizes = {1, 2, 3, self._max_batch}  # TensorFlow compiles for any size when sizes vary
        if self._pads:
            sizes = {min(2**power, self._max_batch) for power in range(13)}
        blank = "" if self.inputs.kind == "text" else np.zeros(self.inputs.shape, self._dtype())
        for size in sorted(sizes):
            if size <= self._max_batch:
                self([blank] * size)

    def _padding(self, size: int) -> int:
        """Return how many rows are missing to a power of two."""
        return min(1 << (size - 1).bit_length(), self._max_batch) - size

    def _dtype(self) -> str:
        return "uint8" if self.inputs.kind == "picture" else "float32"
