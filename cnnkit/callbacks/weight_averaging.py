"""Stochastic weight averaging: the mean of the weights at the ends of the last epochs."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from cnnkit.data.batches import Batches
from cnnkit.data.dataset import Dataset
from cnnkit.data.input_scale import input_scale
from cnnkit.errors import SettingError
from cnnkit.keras_graph.compilation import compile_with_model
from cnnkit.keras_graph.fused_normalization import batch_normalizations
from cnnkit.models.distillation import student_of
from cnnkit.settings import expect_counts


class StochasticWeightAveraging(keras.callbacks.Callback):
    """Validates the mean of the weights at the ends of epochs; training goes on without it.

    This is algorithm 1 of Izmailov et al. 2018, https://arxiv.org/abs/1803.05407, with a cycle of
    one epoch. A run saves the weights that were validated, so it saves the averaged ones. Keep the
    learning rate high from `start_epoch` on: constant, or in cycles of one epoch. Each phase of
    training begins a new average.

    If the network has batch normalisation, a pass over the training inputs (not augmented) precedes
    each validation. It measures the statistics of the averaged network.

    Args:
        data: The data set that the model is trained on.
        start_epoch: The first epoch whose weights count, counted from 1.
        batch_size: Batch size of the pass for batch normalisation, best that of the training.

    Raises:
        SettingError: A number is less than 1; or, when training begins, the optimizer averages
            weights, too.
    """

    def __init__(self, data: Dataset, *, start_epoch: int, batch_size: int = 32):
        super().__init__()
        expect_counts(start_epoch=start_epoch, batch_size=batch_size)
        self.start_epoch = start_epoch
        # Shuffled, as the data set may be sorted by class.
        self._batches = Batches(data.train, batch_size, seed=0)
        self._data = data
        self._measure: Callable | None = None
        self._reset()

    def _reset(self) -> None:
        self._epoch, self._count = 0, 0
        self._average: list[np.ndarray] | None = None
        self._own: list[np.ndarray] | None = None  # the training's, while the average is in place

    def get_state(self) -> dict:
        """Return the average, its number of epochs, and the weights that it replaces."""
        return {
            "epoch": self._epoch,
            "count": self._count,
            "average": self._average,
            "own": self._own,
        }

    def set_state(self, state: dict) -> None:
        """Restore the average.

        Args:
            state: What `get_state` returned.
        """
        self._epoch, self._count = state["epoch"], state["count"]
        self._average, self._own = state["average"], state["own"]

    def on_train_begin(self, logs=None):
        """Begin with no average."""
        if getattr(self.model.optimizer, "use_ema", False):
            raise SettingError(
                "StochasticWeightAveraging and the optimizer's use_ema=True both average weights: "
                "use one of them."
            )
        self._batches.scale = input_scale(student_of(self.model), self._data)
        self._reset()
        self._layers = [each for each in batch_normalizations(self.model) if each.trainable]
        self._measure = None

    def on_epoch_begin(self, epoch, logs=None):
        """Note the epoch."""
        self._epoch = epoch

    def on_test_begin(self, logs=None):
        """Add the epoch's weights to the average, and assign the average to the model."""
        if self._epoch + 1 < self.start_epoch or self._own is not None:
            return  # too early, or resumed within a validation
        self._own = [_numbers(variable) for variable in self._changing]
        trained = self._own[: len(self.model.trainable_variables)]
        self._count += 1
        before = self._average or trained
        self._average = [
            mean + (now - mean) / self._count for mean, now in zip(before, trained, strict=True)
        ]
        _assign(self.model.trainable_variables, self._average)
        if self._layers:
            _assign(self._statistics, self._measured())

    def on_test_end(self, logs=None):
        """Assign the trained weights to the model again."""
        if self._own is not None:
            _assign(self._changing, self._own)
            self._own = None

    @property
    def _statistics(self) -> list[keras.Variable]:
        """The moving means, then the moving variances."""
        means = [layer.moving_mean for layer in self._layers]
        return means + [layer.moving_variance for layer in self._layers]

    @property
    def _changing(self) -> list[keras.Variable]:
        return [*self.model.trainable_variables, *self._statistics]

    def _measured(self) -> list[np.ndarray]:
        """Return the mean of the statistics of all batches, under the current weights."""
        if self._measure is None:
            self._measure = compile_with_model(self._of_batch, self.model)
        totals: list = [0.0] * len(self._statistics)
        samples = 0
        for step in range(self._batches.num_batches):
            inputs, _ = self._batches[step]
            statistics = self._measure(ops.convert_to_tensor(inputs))
            totals = [
                total + np.float64(len(inputs)) * _numbers(each)
                for total, each in zip(totals, statistics, strict=True)
            ]
            samples += len(inputs)
        return [total / samples for total in totals]

    def _of_batch(self, inputs) -> list:
        """Return the statistics of a batch without changing the model."""
        now = {id(each): (each, ops.convert_to_tensor(each)) for each in self.model.variables}
        # From zero, a moving average with momentum m moves to (1 - m) times its input.
        now |= {id(each): (each, ops.zeros(each.shape, each.dtype)) for each in self._statistics}
        parts = [1 - layer.momentum for layer in self._layers] * 2
        with keras.StatelessScope(state_mapping=list(now.values())) as scope:
            self.model(inputs, training=True)
        moved = (scope.get_current_value(each) for each in self._statistics)
        return [each / part for each, part in zip(moved, parts, strict=True)]


def _numbers(tensor) -> np.ndarray:
    return np.array(ops.convert_to_numpy(tensor), "float32")


def _assign(variables: list[keras.Variable], values: list[np.ndarray]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value.astype("float32"))
