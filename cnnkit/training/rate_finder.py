"""Which learning rate: the loss while the rate grows step by step, in one short trial."""

import dataclasses
import math
from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.errors import SettingError
from cnnkit.experiment.experiment import Experiment
from cnnkit.keras_graph.learning_rates import copy_with_learning_rate
from cnnkit.training.loop import fit_part
from cnnkit.user_code.experiment_files import refuse_while_importing

SMOOTHING = 0.9  # of the loss before, in the running mean
DIVERGED = 4  # times the lowest loss so far, above which nothing more is learnt
LEAST_FALL = 0.95  # of the first losses, below which it has fallen and not only by chance
FIRST_STEPS = 5  # of which the running mean says little


@dataclass(frozen=True)
class RateTrial:
    """The losses of a trial of growing learning rates, one entry for each step.

    Attributes:
        rates: Learning rates, shape (steps,).
        losses: The loss of each step's batch, shape (steps,).
        smooth: Their running mean, without the bias of its start, shape (steps,).
        suggestion: The rate at which `smooth` falls fastest against the logarithm of the rate.
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
) -> RateTrial:
    """Train for a few steps with a growing learning rate, and record the loss.

    The rate grows by a constant factor each step. Optimizer (a copy), loss, batches and augmentation
    are the experiment's own; its weights are restored afterwards. The trial ends early if the loss is
    four times its lowest, or not finite. Trust the curve more than the number: take a rate where the
    loss falls steeply, below the one where it rises. See Smith 2017, https://arxiv.org/abs/1506.01186,
    section 3.3, which adds a constant where this multiplies.

    Args:
        experiment: What to train.
        lowest: The first rate, above 0.
        highest: The last rate, above `lowest`.
        steps: How many rates, at least 10.
        seed: Gives the order of the samples.

    Returns:
        The trial.

    Raises:
        SettingError: Rates or steps are out of range, the loss never fell, or a script calls this
            while it is imported.
    """
    refuse_while_importing("cnnkit.training.find_learning_rate")
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
    return RateTrial(rates[: len(losses)], losses, smooth, float(rates[best]))


def _losses(experiment: Experiment, rates: np.ndarray, seed: int) -> np.ndarray:
    model, samples = experiment.model, len(experiment.data.train)
    losses = _Losses(len(rates), samples, experiment.batch_size)
    growing = keras.optimizers.schedules.ExponentialDecay(rates[0], 1, rates[1] / rates[0])
    trial = dataclasses.replace(
        experiment,
        optimizer=copy_with_learning_rate(experiment.optimizer, growing),
        epochs=math.ceil(len(rates) / math.ceil(samples / experiment.batch_size)),
        metrics=(),
        callbacks=(losses,),
        phases=(),
    )
    before = model.get_weights()
    try:
        fit_part(trial, trial, seed=seed, validate=False, stop_on_non_finite=False, verbose=0)
    finally:
        model.set_weights(before)
    return np.array(losses.batch_losses)


class _Losses(keras.callbacks.Callback):
    """Keeps the loss of each batch, and ends where there are enough or nothing more is learnt."""

    def __init__(self, most: int, samples: int, batch_size: int):
        super().__init__()
        self.most, self.samples, self.batch_size = most, samples, batch_size
        self.batch_losses = []

    def on_train_batch_end(self, batch, logs=None):
        # Keras gives the mean of the epoch's samples so far; this is the batch's own.
        before = batch * self.batch_size
        until = min(before + self.batch_size, self.samples)
        total = logs["loss"] * until
        loss = float(total - (self._total if batch else 0.0)) / (until - before)
        self._total = total
        if not np.isfinite(loss) or (
            self.batch_losses and loss > DIVERGED * min(self.batch_losses)
        ):
            self.model.stop_training = True
            return
        self.batch_losses.append(loss)
        self.model.stop_training = len(self.batch_losses) == self.most


def _running_mean(values: np.ndarray) -> np.ndarray:
    mean, smooth = 0.0, []
    for step, value in enumerate(values, start=1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        smooth.append(mean / (1 - SMOOTHING**step))
    return np.array(smooth)
