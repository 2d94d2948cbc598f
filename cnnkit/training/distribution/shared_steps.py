"""Training and validation steps of which each device computes a part.

Keras' own step stays what it is: only the batch that it receives is shared. What a device has no equal
part of, such as the last batch of an epoch, each computes as a whole, which gives the same numbers.
"""

from collections.abc import Callable

import keras
import numpy as np

from cnnkit.training.distribution.replicas import Replicas, set_values
from cnnkit.training.steps.multi_step import ONE_STEP, Executed, Length, looped, steps_data


def share_step(
    model: keras.Model, kind: str, inputs, make: Callable, logs: dict, length: Length, replicas,
) -> None:  # fmt: skip
    """Let devices share the steps of a model.

    Args:
        model: A compiled model.
        kind: "train" or "test".
        inputs: The StepInputs of the steps.
        make: A function of (first, second, keys) that returns a batch; see `Batches.prepared`.
        logs: Any logs of the step, for names, shapes and dtypes.
        length: How many steps a call may compute.
        replicas: The devices.
    """
    step, function = f"{kind}_step", f"{kind}_function"
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    plain = getattr(model, step)
    setattr(model, function, None)  # Keras' compiled function takes whole batches
    if keras.backend.backend() == "tensorflow":
        one = _tensorflow_step(model, plain, make, replicas)
        setattr(model, step, one)
        getattr(model, f"make_{function}")()
        shared: Executed = OnTensorFlow(getattr(model, function), inputs, replicas)
    else:
        steps = min(length.steps, inputs.num_batches)
        setattr(model, step, replicas.voting(_jax_step(plain, make, logs, steps, replicas)))
        set_values(model, lambda variable: replicas.everywhere(variable.value))
        with replicas.distribution.scope():  # the state stays where it is
            getattr(model, f"make_{function}")()
        shared = OnJax(getattr(model, function), inputs, length, steps, replicas)
    setattr(model, function, shared)


def _jax_step(plain: Callable, make: Callable, logs: dict, steps: int, replicas) -> Callable:
    """Return a step of (state, data) that computes up to `steps` of Keras' own."""
    if steps > 1:
        return looped(
            plain, lambda chosen, keys: replicas.made(make, chosen, chosen, keys), logs, steps
        )
    return lambda state, data: plain(state, replicas.made(make, *data))


def _tensorflow_step(model: keras.Model, plain: Callable, make: Callable, replicas) -> Callable:
    def step(data):
        *given, is_whole = data
        batch = replicas.made(make, *given, is_whole=is_whole)
        return replicas.counting_once(model, plain, batch, is_whole)

    return step


class OnJax(Executed):
    """A train or test function on several devices of JAX, and of several processes.

    All processes call it for the same steps: they vote how many the next call computes, and hear in the
    same step that one of them should stop.

    Args:
        compiled: As in Executed.
        inputs: As in Executed.
        length: As in Executed.
        steps: As in Executed.
        replicas: The devices.
    """

    def __init__(self, compiled: Callable, inputs, length: Length, steps: int, replicas):
        super().__init__(compiled, inputs, length, steps)
        self.replicas, self._agreed = replicas, 1

    def _most(self) -> int:
        return self._agreed

    def _computed(self, step: int, count: int, state: list) -> tuple[dict, list]:
        replicas = self.replicas
        replicas.votes.voting = True
        data = (replicas.ballot(self._next), *self._data(step, count))
        # Callbacks may have assigned values to variables, which then are on one device.
        state = replicas.placed(state)
        with replicas.losses_told():
            logs, *state = self.compiled(*state, iter([data]))
            logs = {name: keras.ops.convert_to_numpy(value) for name, value in logs.items()}
        signal, self._agreed = map(int, logs.pop(replicas.AGREED))
        replicas.votes.agreed_signal = signal
        if self.steps == 1:
            logs = {name: value[None] for name, value in logs.items()}
        return logs, state

    def _data(self, step: int, count: int) -> tuple:
        batches, replicas = self.inputs.batches, self.replicas
        if self.steps > 1:
            return tuple(map(replicas.everywhere, steps_data(batches, step, count, self.steps)))
        chosen, keys = batches.chosen(step), replicas.everywhere(batches.keys(step))
        if batches.split.in_memory:
            chosen = replicas.everywhere(chosen.astype("int32"))
            return chosen, chosen, keys
        own = replicas.share(chosen)
        read = batches.split.inputs[own], batches.split.labels[own]
        return *(replicas.batch(np.asarray(each), len(chosen)) for each in read), keys


class OnTensorFlow(Executed):
    """A train or test function on several devices of TensorFlow, a step at a time.

    The strategy cannot compute a step inside a compiled loop.

    Args:
        compiled: As in Executed.
        inputs: As in Executed.
        replicas: The devices.
    """

    def __init__(self, compiled: Callable, inputs, replicas: Replicas):
        super().__init__(compiled, inputs, ONE_STEP, 1)
        self.replicas = replicas

    def _computed(self, step: int, count: int, state: list) -> tuple[dict, list]:
        *given, keys = self.inputs.item(step)
        data = (*given, keys, np.array(len(given[0]) % self.replicas.count > 0))
        logs = self.compiled(iter([data]))
        return {name: keras.ops.convert_to_numpy(value)[None] for name, value in logs.items()}, []
