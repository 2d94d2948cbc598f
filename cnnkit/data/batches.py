"""A split as batches for `model.fit`; each batch is a function of (seed, epoch, step) alone."""

import keras
import numpy as np

from cnnkit.data.dataset import Split
from cnnkit.random_streams import Purpose, random_generator


class Batches(keras.utils.PyDataset):
    """Batches of (inputs, labels), as `model.fit`, `evaluate` and `predict` take them.

    Inputs are augmented as they are stored, then scaled, then resized; they are float32.

    Args:
        split: What to read.
        batch_size: Samples a batch; the last one may be smaller.
        scale: What stored values are multiplied by to be the network's input, see `input_scale`.
        seed: Shuffles each epoch, as a function of (seed, epoch). None keeps the order.
        augment: A Keras layer for the training inputs, float32 as stored. Its random numbers are a
            function of (seed, epoch, step). None for validation and test. A layer with
            `mixes_labels` receives {"images", "labels"} and returns both.
        image_size: (height, width) that images are resized to, bilinearly and antialiased. None
            leaves them.
        num_classes: Convert labels to a number for each class, float32, for a loss that expects
            one-hot labels or an augmentation that mixes them. None leaves them.
        epoch: Which epoch's order to give. Keras counts it up after each epoch, but also once
            before the first: add `follow()` to the callbacks where the order must be that of
            (seed, epoch).

    Attributes:
        num_batches: Batches an epoch.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        *,
        scale: float = 1.0,
        seed: int | None = None,
        augment: keras.Layer | None = None,
        image_size: tuple[int, int] | None = None,
        num_classes: int | None = None,
        epoch: int = 0,
    ):
        super().__init__()
        self.num_classes = num_classes
        self.split, self.batch_size, self.scale = split, batch_size, scale
        self.seed, self.augment, self.epoch = seed, augment, epoch
        self.image_size = image_size
        self._orders: dict[int, np.ndarray] = {}  # of the current epoch alone

    @property
    def num_batches(self) -> int:
        """Batches an epoch."""
        return -(-len(self.split) // self.batch_size)

    def order(self) -> np.ndarray:
        """Return this epoch's order of the samples, shape (samples,)."""
        if self.epoch not in self._orders:
            order = np.arange(len(self.split))
            if self.seed is not None:
                order = random_generator(self.seed, Purpose.SHUFFLE, self.epoch).permutation(order)
            self._orders = {self.epoch: order}
        return self._orders[self.epoch]

    def chosen(self, step: int) -> np.ndarray:
        """Return the positions of a step's samples in the split, int64, shape (batch,).

        Args:
            step: From 0 on, within the epoch.
        """
        return self.order()[step * self.batch_size : (step + 1) * self.batch_size]

    def keys(self, step: int) -> np.ndarray:
        """Return the keys of a step's augmentation, uint32, shape (generators, 2).

        Args:
            step: From 0 on, within the epoch.
        """
        # A key for each generator: with one for all, a picture moved far would also be turned far.
        draw = random_generator(self.seed or 0, Purpose.AUGMENTATION, self.epoch, step)
        return draw.integers(2**32, size=(len(self._generators()), 2), dtype=np.uint32)

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.chosen(step)
        inputs, labels = self.split.inputs[chosen], self.split.labels[chosen]
        if self.augment is None and self.num_classes is None and self.image_size is None:
            # NumPy does this in one pass over memory; a backend takes three.
            return np.multiply(inputs, np.float32(self.scale), dtype=np.float32), labels
        inputs, labels = self.prepared(inputs, labels, self.keys(step))
        return keras.ops.convert_to_numpy(inputs), keras.ops.convert_to_numpy(labels)

    def prepared(self, inputs, labels, keys):
        """Return stored inputs and labels as a network takes them; also inside a compiled step.

        Args:
            inputs: Values as stored, an array or tensor, shape (batch, ...).
            labels: As the split has them.
            keys: As `keys` returns them.

        Returns:
            (inputs, labels) as tensors; the inputs are float32.
        """
        inputs = keras.ops.cast(inputs, "float32")
        if self.num_classes is not None and len(labels.shape) == 1:
            labels = keras.ops.one_hot(labels, self.num_classes)
        if self.augment is not None:
            inputs, labels = self._augmented(inputs, labels, keys)
        if self.scale != 1:
            inputs = inputs * self.scale
        if self.image_size is not None:
            inputs = keras.ops.image.resize(
                inputs, self.image_size, antialias=True, data_format="channels_last"
            )
        return inputs, labels

    def _augmented(self, inputs, labels, keys):
        # Keras' generators count calls. Setting their state makes a batch independent of earlier
        # calls; the scope does so for this thread only.
        generators = self._generators()
        keys = keras.ops.reshape(keys, (len(generators), 2))
        states = [
            (state, keras.ops.cast(keys[number], state.dtype))
            for number, state in enumerate(generators)
        ]
        with keras.StatelessScope(state_mapping=states):
            if not getattr(self.augment, "mixes_labels", False):
                return self.augment(inputs, training=True), labels
            mixed = self.augment({"images": inputs, "labels": labels}, training=True)
            return mixed["images"], mixed["labels"]

    def on_epoch_end(self) -> None:
        """Count the epoch up; Keras calls this."""
        self.epoch += 1

    def follow(self) -> keras.callbacks.Callback:
        """Return a callback that sets `epoch` to the epoch that `fit` begins."""

        def begin(epoch, logs=None):
            self.epoch = epoch

        return keras.callbacks.LambdaCallback(on_epoch_begin=begin)

    def _generators(self) -> list[keras.Variable]:
        """Return the states of the random generators in the augmentation."""
        variables = self.augment.variables if self.augment is not None else ()
        return [each for each in variables if each.path.endswith("seed_generator_state")]
