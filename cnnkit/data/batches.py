"""A split as batches for `model.fit`: what is in each is a function of (seed, epoch, step) alone."""

import keras
import numpy as np

from cnnkit.data.dataset import Split
from cnnkit.random_streams import Purpose, random_generator

# Not by their names: Keras' CategoricalGeneralizedCrossEntropy takes class indices.
TAKE_SHARES = (
    keras.losses.CategoricalCrossentropy,
    keras.losses.CategoricalFocalCrossentropy,
    keras.losses.CategoricalHinge,
)


def takes_shares(loss) -> bool:
    """Return whether a Keras loss takes each sample's share of every class, not a class index."""
    return isinstance(loss, TAKE_SHARES)


class Batches(keras.utils.PyDataset):
    """Batches of (inputs, labels), as `model.fit`, `evaluate` and `predict` take them.

    split: what to read. Inputs are multiplied by `scale` and given as float32.
    batch_size: samples a batch; the last one may be smaller.
    seed: shuffles every epoch anew, as a function of (seed, epoch); None keeps the order.
    augment: a Keras layer for the inputs, applied to every batch with randomness that is a
        function of (seed, epoch, step); None for validation and test. One with `mixes_labels` is
        given {"images", "labels"} and returns both.
    image_size: (height, width) that images are resized to, bilinearly and antialiased, after that;
        None leaves them.
    num_classes: give labels as a number a class, float32, as a loss needs that `takes_shares` or
        that mixed labels reach; None gives them as they are.
    epoch: which epoch's order to give. Keras counts it on after an epoch, but also once before the
        first; where the order must be that of (seed, epoch), let `follow()` be among the callbacks.
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
        """Return which samples of the split a step sees, in their order, shape (batch,)."""
        return self.order()[step * self.batch_size : (step + 1) * self.batch_size]

    def keys(self, step: int) -> np.ndarray:
        """Return what a step's augmentation draws from, uint32, shape (generators, 2).

        Each random generator in it has a key of its own: with one for all, a picture that is
        moved far would also be turned far.
        """
        draw = random_generator(self.seed or 0, Purpose.AUGMENTATION, self.epoch, step)
        return draw.integers(2**32, size=(len(self._generators()), 2), dtype=np.uint32)

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.chosen(step)
        inputs, labels = self.split.inputs[chosen], self.split.labels[chosen]
        if self.augment is None and self.num_classes is None and self.image_size is None:
            # In one pass over memory, where a backend takes three.
            return np.multiply(inputs, np.float32(self.scale), dtype=np.float32), labels
        inputs, labels = self.prepared(inputs, labels, self.keys(step))
        return keras.ops.convert_to_numpy(inputs), keras.ops.convert_to_numpy(labels)

    def prepared(self, inputs, labels, keys):
        """Return stored inputs and labels as a network takes them: scaled, augmented by these keys.

        Arrays or tensors in, also inside a compiled step; float32 inputs out.
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
        # Keras' generators count calls; set to keys of this very batch, and in this thread alone,
        # they draw the same whatever was called before.
        generators = self._generators()
        keys = keras.ops.reshape(keys, (len(generators), 2))
        states = [
            (state, keras.ops.cast(keys[number], state.dtype))
            for number, state in enumerate(generators)
        ]
        with keras.StatelessScope(state_mapping=states):
            if not getattr(self.augment, "mixes_labels", False):
                return self.augment(inputs, training=True), labels
            both = self.augment({"images": inputs, "labels": labels}, training=True)
            return both["images"], both["labels"]

    def on_epoch_end(self) -> None:
        """Go on to the next epoch; Keras calls this."""
        self.epoch += 1

    def follow(self) -> keras.callbacks.Callback:
        """Return a callback that sets `epoch` to the one that `fit` begins."""

        def begin(epoch, logs=None):
            self.epoch = epoch

        return keras.callbacks.LambdaCallback(on_epoch_begin=begin)

    def _generators(self) -> list[keras.Variable]:
        """Return the states of the random generators in the augmentation."""
        variables = self.augment.variables if self.augment is not None else ()
        return [each for each in variables if each.path.endswith("seed_generator_state")]
