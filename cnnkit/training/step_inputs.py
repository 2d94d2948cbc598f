"""Inputs made inside the compiled step: gathered from memory, scaled and augmented there.

`model.fit` is given which samples a step sees and the keys of its random numbers; its `train_step`
makes the batch of them before it does what it always does. So no batch passes through Python, and
augmentation is compiled with the step instead of being called from Python, layer by layer.
"""

import contextlib
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from cnnkit.data.batches import Batches

RESIDENT = 2**30  # bytes of a mapped file up to which all of it is read into memory


class StepInputs(keras.utils.PyDataset):
    """What a step makes its batch of, for `model.fit` inside `made_in_step`.

    Of arrays: (positions, positions, keys), int64 of shape (batch,) twice, and `Batches.keys`.
    Of anything else that a Split may hold: the raw inputs and labels, read here, and the keys.
    `first` is the step that the first one asked for means: above 0 in an epoch that was begun before.
    """

    def __init__(self, batches: Batches):
        super().__init__()
        self.batches, self.first = batches, 0

    @property
    def num_batches(self) -> int:
        """Steps an epoch."""
        return self.batches.num_batches

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # Keras may read ahead, and past the end of an epoch that is not begun at its first step.
        step = min(step + self.first, self.num_batches - 1)
        chosen = self.batches.chosen(step)
        if _in_memory(self.batches):
            return chosen, chosen, self.batches.keys(step)
        split = self.batches.split
        return split.inputs[chosen], split.labels[chosen], self.batches.keys(step)


@contextlib.contextmanager
def made_in_step(
    model: keras.Model, train: Batches, validation: Batches
) -> Iterator[tuple[StepInputs, StepInputs]]:
    """Give what `model.fit` and its validation take in place of these batches.

    model: compiled. While the context lasts, `model.train_step` and `model.test_step` make their
    batches themselves; afterwards they are as they were. The numbers are those of
    `model.fit(train, validation_data=validation)`.
    """
    # Keras builds losses and metrics from the first batch that it is given.
    inputs, labels = validation[0]
    model.test_on_batch(inputs[:1], labels[:1])
    steps = {"train_step": train, "test_step": validation}
    try:
        for name, batches in steps.items():
            setattr(model, name, _making(batches, getattr(model, name)))
        model.train_function = model.test_function = None  # compiled for other inputs
        yield StepInputs(train), StepInputs(validation)
    finally:
        for name in steps:
            model.__dict__.pop(name, None)
        model.train_function = model.test_function = None


def _in_memory(batches: Batches) -> bool:
    inputs = batches.split.inputs
    mapped = isinstance(inputs, np.memmap) and inputs.nbytes > RESIDENT
    return isinstance(inputs, np.ndarray) and not mapped


def _making(batches: Batches, step):
    """Return a train_step or test_step that makes the batch before it does what `step` does."""
    if _in_memory(batches):
        split = batches.split
        inputs, labels = (ops.convert_to_tensor(each) for each in (split.inputs, split.labels))

    def made(*arguments):  # the data; on JAX, the state before it
        *state, (first, second, keys) = arguments
        if _in_memory(batches):
            first, second = ops.take(inputs, first, axis=0), ops.take(labels, second, axis=0)
        return step(*state, batches.prepared(first, second, keys))

    return made
