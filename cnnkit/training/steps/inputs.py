"""Batches that are made inside the compiled step: gathered from memory, scaled and augmented there.

`model.fit` iterates over the positions of each step's samples and the keys of its random numbers. A
replaced `train_step` makes the batch of them and calls Keras' own. So no batch passes through Python,
and augmentation is compiled with the step instead of being called layer by layer.
"""

import contextlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops

from cnnkit.data.batches import Batches
from cnnkit.keras_graph.relu_after_pooling import relu_after_pooling, relu_pooling_pairs
from cnnkit.training.distribution.replicas import active
from cnnkit.training.distribution.shared_steps import share_step
from cnnkit.training.steps.multi_step import ONE_STEP, Executed, Length, looped


class StepInputs(keras.utils.PyDataset):
    """What a step makes its batch of, for `model.fit` inside `batches_made_in_step`.

    For arrays an item is (positions, positions, keys): int64 of shape (batch,) twice, and
    `Batches.keys`. For anything else that a Split may hold, it is raw inputs, labels and keys.

    Args:
        batches: The batches to make.

    Attributes:
        first: The step that Keras' first item stands for: above 0 in an epoch that is resumed.
        step: The step that comes next.
        reached: The step up to which weights are trained already, where one call computes several.
    """

    def __init__(self, batches: Batches):
        super().__init__()
        self.batches, self.first = batches, 0
        self.replicas = active()  # noted here: Keras may read in another thread
        self.step = self.reached = 0

    @property
    def num_batches(self) -> int:
        """Steps an epoch."""
        return self.batches.num_batches

    @property
    def epoch(self) -> int:
        """The epoch whose order and augmentation the steps have."""
        return self.batches.epoch

    @epoch.setter
    def epoch(self, epoch: int):
        self.batches.epoch = epoch

    def skip(self, iterator, steps: int) -> None:
        """Draw nothing: an epoch that goes on begins with the step `first`."""

    def on_epoch_begin(self) -> None:
        """Begin with the first step; Keras calls this."""
        self.step = self.reached = self.first

    def __getitem__(self, step: int) -> tuple[np.ndarray, ...]:
        # Keras may read ahead, and past the end of an epoch that is not begun at its first step.
        step = min(step + self.first, self.num_batches - 1)
        if self.replicas is not None:  # whose steps call `item` themselves
            return (np.zeros(self.replicas.count, np.int32),) * 2
        return self.item(step)

    def item(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what a step makes its batch of.

        Args:
            step: From 0 on, within the epoch.
        """
        chosen = self.batches.chosen(step)
        if self.batches.split.in_memory:
            return chosen, chosen, self.batches.keys(step)
        split = self.batches.split
        return split.inputs[chosen], split.labels[chosen], self.batches.keys(step)


@contextlib.contextmanager
def batches_made_in_step(
    model: keras.Model, train: Batches, validation: Batches, length: Length = ONE_STEP
) -> Iterator[tuple[StepInputs, StepInputs]]:
    """Yield what `model.fit` takes in place of these batches.

    In this context, `model.train_step` and `model.test_step` make their batches themselves, and on
    TensorFlow the model pools before ReLU. Afterwards the model is as it was. The numbers are those of
    `model.fit(train, validation_data=validation)`.

    Args:
        model: A compiled model.
        train: What to train on.
        validation: What to validate on.
        length: How many steps one call computes; one in any case where inputs are not in memory.

    Yields:
        The inputs for training and for validation.
    """
    logs = _logs_of_a_sample(model, validation)
    both = StepInputs(train), StepInputs(validation)
    try:
        for kind, inputs in zip(("train", "test"), both, strict=True):
            _replace(model, kind, inputs, logs, length)
        yield both
        replicas = active()
        if replicas is not None:
            replicas.release(model)
    finally:
        for kind in ("train", "test"):
            model.__dict__.pop(f"{kind}_step", None)
            setattr(model, f"{kind}_function", None)


def _logs_of_a_sample(model: keras.Model, batches: Batches) -> dict:
    """Test a model on one sample: Keras builds losses and metrics from the first that they see."""
    inputs, labels = batches[0]
    eagerly = model.run_eagerly
    if keras.backend.backend() == "tensorflow":  # tracing takes ten times as long as one call
        model.run_eagerly = True
    try:
        return model.test_on_batch(inputs[:1], labels[:1], return_dict=True)
    finally:
        model.run_eagerly = eagerly


def _replace(model: keras.Model, kind: str, inputs: StepInputs, logs: dict, length: Length) -> None:
    """Let the "train" or "test" function of a model make its batches itself."""
    step, function = f"{kind}_step", f"{kind}_function"
    batches, plain = inputs.batches, getattr(model, step)
    replicas = active()
    if replicas is not None:
        length = length if _loops(model, step, batches) else ONE_STEP
        share_step(model, kind, inputs, _made(batches), logs, length, replicas)
        return
    if kind == "train":
        plain = _pooling_first(model, plain)
    setattr(model, function, None)  # Keras' compiled function takes batches, not positions
    if not _loops(model, step, batches):
        made = _made(batches)
        setattr(model, step, lambda *arguments: plain(*arguments[:-1], made(*arguments[-1])))
        return
    steps = min(length.steps, inputs.num_batches)
    made = _made(batches)
    one = looped(plain, lambda chosen, keys: made(chosen, chosen, keys), logs, steps)
    setattr(model, step, one)
    if not model.optimizer.built:  # which Keras would do within the loop
        model.optimizer.build(model.trainable_variables)
    getattr(model, f"make_{function}")()
    setattr(model, function, Executed(getattr(model, function), inputs, length, steps))


def _pooling_first(model: keras.Model, step: Callable) -> Callable:
    """Return a step that pools before ReLU, wherever that is the same."""
    if keras.backend.backend() != "tensorflow":  # XLA joins both to what is before them: no gain
        return step
    pairs = relu_pooling_pairs(model)

    def pooling_first(*arguments):
        with relu_after_pooling(pairs):
            return step(*arguments)

    return pooling_first


def _loops(model: keras.Model, step: str, batches: Batches) -> bool:
    """Return whether several steps can be one execution: Keras' own ones, on data in memory."""
    own = getattr(type(model), step) is getattr(keras.Model, step)
    compiles = keras.backend.backend() in ("tensorflow", "jax") and not model.run_eagerly
    return own and compiles and batches.split.in_memory


def _made(batches: Batches) -> Callable:
    """Return a function that makes a step's batch of what StepInputs give for it."""
    if not batches.split.in_memory:
        return batches.prepared
    inputs, labels = (
        ops.convert_to_tensor(each) for each in (batches.split.inputs, batches.split.labels)
    )

    def made(first, second, keys):
        gathered = ops.take(inputs, first, axis=0), ops.take(labels, second, axis=0)
        return batches.prepared(*gathered, keys)

    return made
