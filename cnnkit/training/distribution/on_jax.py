"""Several devices on JAX, also of several processes. JAX alone: other backends never import this.

Weights and positions of samples are on every device. A step lets each device gather, change and
compute its part of the batch: `keras.distribution.DataParallel` gives the layouts, and XLA adds up
gradients. So all that devices exchange happens inside the compiled steps, and whatever is done between
them, such as saving, concerns one process.
"""

import atexit
import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from keras import ops

from cnnkit.errors import SettingError, StoppedError
from cnnkit.training.distribution.replicas import Replicas, set_values

# Callbacks of Keras' that write files: those of the first process are enough.
WRITERS = (
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.TensorBoard,
    keras.callbacks.BackupAndRestore,
)


class JaxReplicas(Replicas):
    """Devices of JAX."""

    loops = True
    AGREED = "__agreed__"  # among the logs of a step, until callbacks see them
    batch_normalization = "statistics of the global batch"

    def __post_init__(self):
        self.distribution = keras.distribution.DataParallel(
            devices=list(self.names), auto_shard_dataset=False
        )

    def shared(self, tensor):
        """Return a tensor inside a step whose first axis the devices share, where that is possible."""
        if tensor.shape[0] % self.count:
            return tensor
        layout = self.distribution.get_data_layout(tensor.shape)
        return keras.distribution.distribute_tensor(tensor, layout)

    def made(self, make: Callable, first, second, keys):
        """Return a step's batch, of which each device makes its part.

        Args:
            make: A function of the other arguments that returns the batch.
            first: Positions or raw inputs.
            second: Positions or labels.
            keys: Of random numbers.
        """
        inputs, labels = make(self.shared(first), self.shared(second), keys)
        return self.shared(inputs), self.shared(labels)

    def share(self, samples: np.ndarray) -> np.ndarray:
        """Return this process' part of a batch's positions; all where the batch is not shared."""
        if len(samples) % self.count:
            return samples
        size = len(samples) // self.processes
        return samples[self.process * size : (self.process + 1) * size]

    def batch(self, array: np.ndarray, size: int):
        """Return a tensor of all devices, of which this process gives its `share`.

        Args:
            array: Of the samples that `share` returned.
            size: Samples of the global batch.
        """
        return self._tensor(array, is_shared=not size % self.count)

    def everywhere(self, array):
        """Return a tensor that each device has as a whole."""
        return self._tensor(array, is_shared=False)

    def _tensor(self, array, *, is_shared: bool):
        axes = [self.distribution.batch_dim_name if is_shared else None]
        axes += [None] * (array.ndim - 1)
        layout = keras.distribution.TensorLayout(axes[: array.ndim], self.distribution.device_mesh)
        if isinstance(array, jax.Array) and array.sharding.is_equivalent_to(
            layout.backend_layout, array.ndim
        ):
            return array
        return jax.make_array_from_process_local_data(layout.backend_layout, np.asarray(array))

    def placed(self, state):
        """Return a step's state, on every device. What is there already stays."""
        return keras.tree.map_structure(self.everywhere, state)

    def voting(self, step: Callable) -> Callable:
        """Return a step whose data begin with `ballot`, and whose logs have what it led to."""

        def on_all(value):
            whole = (None,) * len(value.shape)
            layout = keras.distribution.TensorLayout(whole, self.distribution.device_mesh)
            return keras.distribution.distribute_tensor(value, layout)

        def with_votes(state, data):
            votes, *data = data
            logs, after = step(state, tuple(data))
            agreed = ops.stack([ops.max(votes[:, 0]), ops.min(votes[:, 1])])
            return keras.tree.map_structure(on_all, logs | {self.AGREED: agreed}), after

        return with_votes

    def ballot(self, steps: int):
        """Return what this process votes for: a signal that it received, and steps of the next call.

        Args:
            steps: How many it would have.
        """
        own = np.tile(np.array([self.votes.signal, steps], np.int32), (self._own_devices, 1))
        return self._tensor(own, is_shared=True)

    def callbacks(self, given: Iterable[keras.callbacks.Callback]) -> list:
        """Return callbacks of which all but the first process write no files."""
        others = (each for each in given if self.is_first or not isinstance(each, WRITERS))
        return [LocalValues(), *others]

    def release(self, model: keras.Model) -> None:
        """Bring a model back to this process' own device."""
        self.votes.voting = False
        set_values(model, keras.ops.convert_to_numpy)

    def leave(self) -> None:
        """End what binds the processes together, once all of them have trained."""
        if self.processes > 1:
            leave()

    @contextlib.contextmanager
    def losses_told(self) -> Iterator[None]:
        """Raise StoppedError where a step fails because another process is gone."""
        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            if self.processes == 1:
                raise
            raise StoppedError(
                "another process of this run has ended, or its machine does not answer; resume the run "
                "with the same or another number of processes"
            ) from error

    @property
    def _own_devices(self) -> int:
        return self.count // self.processes


def leave() -> None:
    """End the distributed runtime, once every process is here."""
    jax.distributed.shutdown()


def _end_at_once() -> None:
    """End a process that did not leave: JAX would wait for the others, which wait for this one."""
    if jax.distributed.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def names_by_process() -> list[list[str]]:
    """Return the names of each process' devices, as Keras names them."""
    names: dict[int, list[str]] = {}
    for device in jax.devices():
        names.setdefault(device.process_index, []).append(f"{device.platform}:{device.id}")
    return [names[process] for process in sorted(names)]


def replicas(numbers: list[int], asked: str, processes: int, process: int) -> JaxReplicas:
    """Return the devices with these numbers in each process.

    Args:
        numbers: From 0, in this process.
        asked: The option that chose them.
        processes: How many processes there are.
        process: The number of this one.

    Raises:
        SettingError: Another process has fewer devices.
    """
    by_process = names_by_process()
    for other, names in enumerate(by_process):
        if len(names) <= numbers[-1]:
            raise SettingError(
                f"Process {other} has {len(names)} devices, and so none with number {numbers[-1]}: "
                "choose devices that every process has."
            )
    chosen = tuple(names[number] for names in by_process for number in numbers)
    return JaxReplicas(chosen, asked, processes, process)


def initialize(*address) -> None:
    """Join the other processes of a run.

    Args:
        *address: What `keras.distribution.initialize` takes.
    """
    if jax.distributed.is_initialized():
        return
    # Its handler keeps SIGTERM from ending a process; cnnkit has one that saves a checkpoint.
    jax.config.update("jax_enable_preemption_service", False)
    keras.distribution.initialize(*address)
    atexit.register(_end_at_once)


def place() -> tuple[int, int]:
    """Return the number of this process, and how many there are."""
    return jax.process_index(), jax.process_count()


def gathered(array: np.ndarray) -> np.ndarray:
    """Return the arrays of all processes, shape (processes, ...).

    Args:
        array: This one's, of the same shape everywhere.
    """
    return np.asarray(multihost_utils.process_allgather(array))


class LocalValues(keras.callbacks.Callback):
    """Brings all variables back to this process' own device at each epoch's end, for other callbacks."""

    def on_epoch_end(self, epoch, logs=None):
        """Copy what all devices have, which is the same."""
        set_values(self.model, keras.ops.convert_to_numpy)
