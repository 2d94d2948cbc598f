"""Several devices of one machine on TensorFlow. TensorFlow alone: other backends never import this.

`tf.distribute.MirroredStrategy` calls the step once for each device with the batch as a whole, and the
step takes its part. Random changes are made of the whole batch, so that they are those of one device.
"""

import contextlib
from collections.abc import Callable

import keras
import tensorflow as tf

from cnnkit.training.distribution.replicas import Replicas


class TensorFlowReplicas(Replicas):
    """Devices of TensorFlow."""

    batch_normalization = "statistics of each device's own part of the batch"

    def __post_init__(self):
        devices = [f"/{name}" for name in self.names]
        # NCCL is for GPUs of NVIDIA; this one works everywhere.
        across = (
            None
            if all("GPU" in name.upper() for name in devices)
            else tf.distribute.HierarchicalCopyAllReduce()
        )
        self.strategy = tf.distribute.MirroredStrategy(devices, cross_device_ops=across)

    def scope(self) -> contextlib.AbstractContextManager:
        """Return the strategy's scope: Keras notes it when a model is made."""
        return self.strategy.scope()

    def counting_once(self, model: keras.Model, step: Callable, batch, is_whole):
        """Return the logs of a step; of a whole batch, the first device alone changes the metrics.

        Metrics are sums over devices.

        Args:
            model: Whose step it is.
            step: Keras' own.
            batch: What it takes.
            is_whole: A flag: each device has the whole batch.
        """
        before = [tf.identity(variable.value) for variable in model.metrics_variables]
        logs = step(batch)
        again = tf.logical_and(is_whole, _here() > 0)
        for variable, value in zip(model.metrics_variables, before, strict=True):
            variable.assign(tf.where(again, value, variable.value))
        return logs

    def made(self, make: Callable, first, second, keys, *, is_whole):
        """Return this device's part of a step's batch.

        Args:
            make: A function of the next three arguments that returns the batch.
            first: Positions or raw inputs.
            second: Positions or labels.
            keys: Of random numbers.
            is_whole: A flag: each device has the whole batch, because it cannot be shared equally.
        """
        inputs, labels = make(first, second, keys)
        here, size = _here(), tf.shape(inputs)[0]
        begin = tf.where(is_whole, 0, size * here // self.count)
        end = tf.where(is_whole, size, size * (here + 1) // self.count)
        return inputs[begin:end], labels[begin:end]


def _here():
    """Return the number of the device that computes a step, inside it."""
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def replicas(numbers: list[int], asked: str, *_: int) -> TensorFlowReplicas:
    """Return devices of this machine.

    Args:
        numbers: Of the devices.
        asked: The option that chose them.
        *_: TensorFlow trains in one process.
    """
    here = keras.distribution.list_devices()
    return TensorFlowReplicas(tuple(here[each] for each in numbers), asked)


def names_by_process() -> list[list[str]]:
    """Return the names of the devices of the only process."""
    return [keras.distribution.list_devices()]
