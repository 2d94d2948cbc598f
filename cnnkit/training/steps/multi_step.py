"""Runs many training steps in one compiled call, while callbacks still fire after every step.

Keras' `steps_per_execution` saves the time between steps, too, but calls callbacks once for all of
them. Here Keras still asks for each step by itself. The function that it calls computes several steps
at once, in a loop over Keras' own step inside the graph, and keeps the logs of each. For the steps
that follow, it returns these logs without computing anything. The loop's length is an input of the
compiled program, so the results do not depend on how many steps one call computes, to the last bit.
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
    """How many steps one call may compute.

    What happens between steps waits until the call ends: a signal is noticed and the clock is read
    only then.

    Attributes:
        steps: At most so many.
        seconds: About how long a call may take, unless a single step takes longer.
        multiple: A call ends at each multiple of this number, where a checkpoint is due; None if
            there are no such steps.
    """

    steps: int = 64
    seconds: float = 0.25
    multiple: int | None = None


ONE_STEP = Length(steps=1)


def steps_per_execution(
    callbacks: Iterable[keras.callbacks.Callback], multiple: int | None = None
) -> Length:
    """Return how many steps one call may compute with these callbacks.

    A callback that is called after each step may read or change weights, and then they must be those
    of its step: such a callback allows one step a call.

    Args:
        callbacks: The user's.
        multiple: As in `Length`.
    """
    hears = any(
        getattr(getattr(callback, name), "__func__", None)
        is not getattr(keras.callbacks.Callback, name)
        for callback in callbacks
        for name in BATCH_HOOKS
    )
    return ONE_STEP if hears else Length(multiple=multiple)


def looped(step: Callable, batch_of: Callable, logs: dict, length: int) -> Callable:
    """Return a `train_step` or `test_step` that does up to `length` steps of `step`.

    It takes positions of shape (length, batch), keys of shape (length, generators, 2), and two int32:
    the number of steps to do and the size of their batches. It returns logs of shape (length, ...),
    a row for each step; on JAX, it takes the state first, and returns the new state last.

    Args:
        step: Keras' own step.
        batch_of: A function of (positions, keys) that returns a batch for `step`.
        logs: Any logs of `step`, for names, shapes and dtypes.
        length: The most steps of a call.
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
    """A `train_function` or `test_function` of Keras that computes steps ahead.

    Args:
        compiled: What Keras compiles of `looped`.
        inputs: What Keras iterates over, which says which step comes next.
        length: How many steps a call may compute.
        steps: The size that `looped` was compiled for.
    """

    def __init__(self, compiled: Callable, inputs, length: Length, steps: int):
        self.compiled, self.inputs, self.length, self.steps = compiled, inputs, length, steps
        self._next, self._warm = 1, False
        self._begin, self._rows = 0, {}

    def __call__(self, *arguments):
        """Return a step's logs, and on JAX the state. The iterator is not read: see `steps_data`."""
        *state, _ = arguments
        step = self.inputs.step
        if step >= self.inputs.reached:
            state = self._execute(step, state)
        self.inputs.step += 1
        logs = {name: values[step - self._begin] for name, values in self._rows.items()}
        return (logs, *state) if state else logs

    def _execute(self, step: int, state: list) -> list:
        count = self._count(step)
        began = time.perf_counter()
        logs, state = self._computed(step, count, state)
        self._rows = {name: ops.convert_to_numpy(values) for name, values in logs.items()}
        self._begin, self.inputs.reached = step, step + count
        if self._warm:
            pace = (time.perf_counter() - began) / count
            self._next = min(2 * self._next, max(1, int(self.length.seconds / pace)))
        self._warm = True  # the first call compiles, and says nothing of a step's time
        return state

    def _computed(self, step: int, count: int, state: list) -> tuple[dict, list]:
        """Compute `count` steps from `step` on; return the logs of each and the state."""
        data = steps_data(self.inputs.batches, step, count, self.steps)
        answer = self.compiled(*state, iter([data]))
        logs, *state = answer if state else (answer,)
        return logs, state

    def _most(self) -> int:
        """Return how many steps the next call may compute, by the time that steps take."""
        return self._next

    def _count(self, step: int) -> int:
        batches, multiple = self.inputs.batches, self.length.multiple
        count = min(self._most(), self.steps)
        full = len(batches.split) // batches.batch_size
        if step < full:  # a smaller last batch has a call of its own: its shape differs
            count = min(count, full - step)
        else:
            count = 1
        return min(count, multiple - step % multiple) if multiple else count


def steps_data(
    batches: Batches, step: int, count: int, length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what `looped` takes for some steps: positions, keys and counts.

    Args:
        batches: What the steps' batches are made of.
        step: The first of them.
        count: How many there are.
        length: As of `looped`.
    """
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
    """Return whether one compiled program takes batches of any size: on TensorFlow it does."""
    return keras.backend.backend() == "tensorflow"
