"""Several steps of `model.fit` in one execution: a loop over Keras' own step inside its graph.

Keras goes through the steps of an epoch one by one, and its callbacks hear of each, with the step's
own logs; but the function that it calls for a step does the next ones, too, and answers for those
from what it knows already. The numbers are those of one step an execution, to the last bit: it is
one compiled loop whose length is data, so that where it is cut changes nothing.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.data.batches import Batches

BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


@dataclass(frozen=True)
class Length:
    """How long an execution may be; what comes between steps waits for its end.

    steps: at most so many. seconds: about as long at most, if a step is not longer: a signal is
    answered and the clock looked at so often. multiple: none goes past a step that is a multiple of
    this number, where a checkpoint is due.
    """

    steps: int = 64
    seconds: float = 0.25
    multiple: int | None = None


ONE_STEP = Length(steps=1)


def steps_per_execution(
    callbacks: Iterable[keras.callbacks.Callback], multiple: int | None = None
) -> Length:
    """Return how long an execution may be with these callbacks: one step, where one hears of steps.

    It may look at weights or change them, and then they have to be those of its step.
    """
    hears = any(
        getattr(getattr(callback, name), "__func__", None)
        is not getattr(keras.callbacks.Callback, name)
        for callback in callbacks
        for name in BATCH_HOOKS
    )
    return ONE_STEP if hears else Length(multiple=multiple)


def looped(step: Callable, batch_of: Callable, logs: dict, length: int) -> Callable:
    """Return a train_step or test_step that does up to `length` steps of `step`.

    batch_of: a function of (positions, keys) that returns what `step` is given. logs: any of
        `step`'s answers, for names, shapes and dtypes.

    Its data are positions (length, batch or more), keys (length, generators, 2), and int32 (2,):
    how many steps to do, and how large a batch is. It answers with logs of shape (length, ...), a
    row a step; on JAX, with the state that it is given before the data, too.
    """
    known = {name: ops.convert_to_tensor(value) for name, value in logs.items()}

    def several(*arguments):
        *state, (positions, keys, counts) = arguments

        def one(number, state, rows):
            chosen = ops.take(positions, number, axis=0)
            if _sizes_are_open():
                chosen = chosen[: counts[1]]
            answer = step(*state, batch_of(chosen, ops.take(keys, number, axis=0)))
            if state:
                answer, after = answer
                state = [keras.tree.pack_sequence_as(state[0], keras.tree.flatten(after))]
            here = ops.equal(ops.arange(length), number)
            rows = {
                name: ops.where(_column(here, row), answer[name], row) for name, row in rows.items()
            }
            return number + 1, state, rows

        rows = {
            name: ops.zeros((length, *value.shape), value.dtype) for name, value in known.items()
        }
        begin = ops.zeros((), "int32")
        _, state, rows = ops.while_loop(
            lambda number, *rest: ops.less(number, counts[0]), one, (begin, state, rows)
        )
        return (rows, *state) if state else rows

    return several


def _column(which, row):
    """Return a vector in a shape that goes with rows of any number of axes."""
    return ops.reshape(which, (-1, *[1] * (len(row.shape) - 1)))


class Executed:
    """A train_function or test_function of Keras that does the steps of `looped` ahead.

    compiled: what Keras makes of `looped`. inputs: what Keras goes through, which says the step.
    """

    def __init__(self, compiled: Callable, inputs, length: Length, steps: int):
        self.compiled, self.inputs, self.length, self.steps = compiled, inputs, length, steps
        self._next, self._warm = 1, False
        self._begin, self._rows = 0, {}

    def __call__(self, *arguments):
        """Return a step's logs; on JAX, with the state. The data are not those of the iterator."""
        *state, _ = arguments
        step = self.inputs.step
        if step >= self.inputs.reached:
            state = self._execute(step, state)
        self.inputs.step += 1
        logs = {name: values[step - self._begin] for name, values in self._rows.items()}
        return (logs, *state) if state else logs

    def _execute(self, step: int, state: list) -> list:
        batches, count = self.inputs.batches, self._count(step)
        began = time.perf_counter()
        answer = self.compiled(*state, iter([_data(batches, step, count, self.steps)]))
        logs, *state = answer if state else (answer,)
        self._rows = {name: ops.convert_to_numpy(values) for name, values in logs.items()}
        self._begin, self.inputs.reached = step, step + count
        if self._warm:
            pace = (time.perf_counter() - began) / count
            self._next = min(2 * self._next, max(1, int(self.length.seconds / pace)))
        self._warm = True  # the first one compiles
        return state

    def _count(self, step: int) -> int:
        batches, multiple = self.inputs.batches, self.length.multiple
        count = min(self._next, self.steps)
        full = len(batches.split) // batches.batch_size
        if step < full:  # the last batch, where it is smaller, has an execution of its own
            count = min(count, full - step)
        else:
            count = 1
        return min(count, multiple - step % multiple) if multiple else count


def _data(batches: Batches, step: int, count: int, length: int) -> tuple[np.ndarray, ...]:
    """Return what `looped` takes for `count` steps from one on."""
    size = len(batches.chosen(step))
    width = batches.batch_size if _sizes_are_open() else size
    positions = np.zeros((length, width), np.int32)
    first = batches.keys(step)
    keys = np.zeros((length, *first.shape), np.uint32)
    for number in range(count):
        positions[number, :size] = batches.chosen(step + number)
        if first.size:
            keys[number] = batches.keys(step + number)
    return positions, keys, np.array([count, size], np.int32)


def _sizes_are_open() -> bool:
    """Return whether a smaller batch is the same program's, as it is where Keras gives tf.data."""
    return keras.backend.backend() == "tensorflow"
