"""Inputs made inside the compiled step: gathered from memory, scaled and augmented there.

`model.fit` is given which samples a step sees and the keys of its random numbers; its `train_step`
makes the batch of them before it does what it always does. So no batch passes through Python, and
augmentation is compiled with the step instead of being called from Python, layer by layer.
"""

import contextlib
from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops

from cnnkit.data.batches import Batches
from cnnkit.keras_graph.relu_after_pooling import relu_after_pooling, relu_pooling_pairs
from cnnkit.training.steps.multi_step import ONE_STEP, Executed, Length, looped


class StepInputs(keras.utils.PyDataset):
    """What a step makes its batch of, for `model.fit` inside `batches_made_in_step`.

    Of arrays: (positions, positions, keys), int64 of shape (batch,) twice, and `Batches.keys`.
    Of anything else that a Split may hold: the raw inputs and labels, read here, and the keys.
    `first` is the step that the first one asked for means: above 0 in an epoch that was begun before.
    `step` is the one that comes next, and `reached` the one up to which weights are trained already,
    where several steps are one execution.
    """

    def __init__(self, batches: Batches):
        super().__init__()
        self.batches, self.first = batches, 0
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

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        # Keras may read ahead, and past the end of an epoch that is not begun at its first step.
        step = min(step + self.first, self.num_batches - 1)
        chosen = self.batches.chosen(step)
        if self.batches.split.in_memory:
            return chosen, chosen, self.batches.keys(step)
        split = self.batches.split
        return split.inputs[chosen], split.labels[chosen], self.batches.keys(step)


@contextlib.contextmanager
def batches_made_in_step(
    model: keras.Model, train: Batches, validation: Batches, length: Length = ONE_STEP
) -> Iterator[tuple[StepInputs, StepInputs]]:
    """Give what `model.fit` and its validation take in place of these batches.

    model: compiled. While the context lasts, `model.train_step` and `model.test_step` make their
    batches themselves, and TensorFlow pools before ReLU; afterwards they are as they were. The
    numbers are those of `model.fit(train, validation_data=validation)`.
    length: of an execution, which is one step in any case where inputs are not in memory.
    """
    # Keras builds losses and metrics from the first batch that it is given.
    inputs, labels = validation[0]
    logs = model.test_on_batch(inputs[:1], labels[:1], return_dict=True)
    given = StepInputs(train), StepInputs(validation)
    try:
        for kind, inputs in zip(("train", "test"), given, strict=True):
            _replace(model, kind, inputs, logs, length)
        yield given
    finally:
        for kind in ("train", "test"):
            model.__dict__.pop(f"{kind}_step", None)
            setattr(model, f"{kind}_function", None)


def _replace(model: keras.Model, kind: str, inputs: StepInputs, logs: dict, length: Length) -> None:
    """Let the "train" or "test" function of a model make its batches itself."""
    step, function = f"{kind}_step", f"{kind}_function"
    batches, plain = inputs.batches, getattr(model, step)
    if kind == "train":
        plain = _pooling_first(model, plain)
    setattr(model, function, None)  # it was compiled for other inputs
    if not _loops(model, step, batches):
        made = _made(batches)
        setattr(model, step, lambda *given: plain(*given[:-1], made(*given[-1])))
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

    def pooling_first(*given):
        with relu_after_pooling(pairs):
            return step(*given)

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
