"""Which learning rate: the loss while the rate grows step by step, in one short trial."""

from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.data.batches import Batches
from cnnkit.errors import SettingError
from cnnkit.experiment.experiment import Experiment
from cnnkit.keras_graph.fused_normalization import fused_batch_normalization

SMOOTHING = 0.9  # of the loss before, in the running mean
DIVERGED = 4  # times the lowest loss so far, above which nothing more is learnt
LEAST_FALL = 0.95  # of the first losses, below which it has fallen and not only by chance
FIRST_STEPS = 5  # of which the running mean says little


@dataclass(frozen=True)
class Trial:
    """What a trial of growing rates found; one entry a step that was made.

    rates: learning rates. losses: of each step's batch. smooth: their running mean, without the
    bias of its start. suggestion: the rate at which `smooth` falls fastest against the logarithm of
    the rate.
    """

    rates: np.ndarray
    losses: np.ndarray
    smooth: np.ndarray
    suggestion: float


def find_learning_rate(
    experiment: Experiment,
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    steps: int = 100,
    seed: int = 0,
) -> Trial:
    """Train for a few steps at rates that grow from lowest to highest by one factor, and look.

    The experiment's own optimizer, loss, batches and augmentation; its weights are as before when
    this returns, and the optimizer is a copy. It ends early where the loss is four times its
    lowest, or no number. Smith 2017, https://arxiv.org/abs/1506.01186, section 3.3, with a factor
    instead of a step between rates. Trust the curve more than the number: take a rate where the
    loss falls steeply, below the one where it rises.

    Raises SettingError for rates out of order, or where the loss never fell.
    """
    if not 0 < lowest < highest or steps < 10:
        raise SettingError(
            f"A trial takes 0 < lowest < highest and at least 10 steps: {lowest=}, {highest=}, {steps=}."
        )
    rates = np.geomspace(lowest, highest, steps)
    losses = _losses(experiment, rates, seed)
    smooth = _running_mean(losses)
    slopes = np.gradient(smooth, np.log(rates[: len(smooth)]))[FIRST_STEPS:]
    if len(slopes) == 0 or smooth.min() > LEAST_FALL * losses[:FIRST_STEPS].mean():
        raise SettingError(
            f"The loss never fell between the rates {lowest:g} and {rates[len(losses) - 1]:g}: try "
            "lower rates, and look at the data."
        )
    best = FIRST_STEPS + int(slopes.argmin())
    return Trial(rates[: len(losses)], losses, smooth, float(rates[best]))


def _losses(experiment: Experiment, rates: np.ndarray, seed: int) -> np.ndarray:
    model, data = experiment.model, experiment.data
    before = model.get_weights()
    growing = keras.optimizers.schedules.ExponentialDecay(rates[0], 1, rates[1] / rates[0])
    config = experiment.optimizer.get_config() | {"learning_rate": growing}
    batches = Batches(data.train, seed=seed, **experiment.train_batch_options)
    losses = _Losses(len(rates), len(data.train), experiment.batch_size)
    model.compile(type(experiment.optimizer).from_config(config), experiment.loss)
    try:
        with fused_batch_normalization(model):
            model.fit(
                batches, epochs=-(-len(rates) // batches.num_batches), shuffle=False, verbose=0,
                callbacks=[batches.follow(), losses],
            )  # fmt: skip
    finally:
        model.set_weights(before)
    return np.array(losses.found)


class _Losses(keras.callbacks.Callback):
    """Keeps the loss of each batch, and ends where there are enough or nothing more is learnt."""

    def __init__(self, most: int, samples: int, batch_size: int):
        super().__init__()
        self.most, self.samples, self.batch_size, self.found = most, samples, batch_size, []

    def on_train_batch_end(self, batch, logs=None):
        # Keras gives the mean of the epoch's samples so far; this is the batch's own.
        before = batch * self.batch_size
        until = min(before + self.batch_size, self.samples)
        total = logs["loss"] * until
        loss = float(total - (self._total if batch else 0.0)) / (until - before)
        self._total = total
        if not np.isfinite(loss) or (self.found and loss > DIVERGED * min(self.found)):
            self.model.stop_training = True
            return
        self.found.append(loss)
        self.model.stop_training = len(self.found) == self.most


def _running_mean(values: np.ndarray) -> np.ndarray:
    mean, smooth = 0.0, []
    for step, value in enumerate(values, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        smooth.append(mean / (1 - SMOOTHING**step))
    return np.array(smooth)
