"""Learning-rate schedules by name, made of those of Keras."""

import keras
from keras import ops

from cnnkit.errors import SettingError, UnknownNameError

NAMES = ("constant", "cosine", "linear", "one_cycle", "polynomial", "step")
FIRST, LAST = 1 / 25, 1e-4  # of one cycle: where it begins, and where it ends, as part of the peak
RISE = 0.3  # of one cycle, the part in which the rate rises


@keras.saving.register_keras_serializable("cnnkit")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises from `first` of a schedule's own first rate to all of it, linearly, then follows it.

    steps: of the rise; the first step of training has the rate first + (1 - first) / steps of it,
    so that no step is lost on a rate of zero.
    """

    def __init__(self, then, steps: int, first: float = 0.0):
        self.then, self.steps, self.first = then, steps, first

    def __call__(self, step):
        """Return the rate of a step, counted from 0."""
        done = ops.minimum((ops.cast(step, "float32") + 1) / self.steps, 1.0)
        later = ops.maximum(ops.cast(step, "float32") - self.steps, 0.0)
        return (self.first + (1 - self.first) * done) * self.then(later)

    def get_config(self):
        """Return what builds it again."""
        then = keras.saving.serialize_keras_object(self.then)
        return {"then": then, "steps": self.steps, "first": self.first}

    @classmethod
    def from_config(cls, config):
        """Build it again."""
        return cls(**config | {"then": keras.saving.deserialize_keras_object(config["then"])})


def schedule(name: str, learning_rate: float, steps: int, *, warm_up: float = 0.0):
    """Return the learning rate by step, for `learning_rate=` of any Keras optimizer.

    name: "constant"; "cosine" and "linear", which fall to zero; "polynomial", which falls to zero
        as a square; "step", a tenth after half and again after three quarters of the steps, as He
        et al. 2015 (section 4.2, 32,000 and 48,000 of 64,000); "one_cycle", which rises from 1/25
        for 30 % of the steps and falls as a cosine to 1/10,000 (Smith, Topin 2017,
        https://arxiv.org/abs/1708.07120; its rise is a line).
    learning_rate: the highest. steps: of the whole training, epochs times batches an epoch.
    warm_up: the part of the steps, 0 to 1, in which the rate first rises from zero, linearly.

    A rate that falls when validation no longer improves depends on what is measured, and is Keras'
    callback ReduceLROnPlateau. Raises SettingError for a number out of range, UnknownNameError.

    >>> rate = schedule("linear", 0.1, steps=100, warm_up=0.1)
    >>> [round(float(rate(step)), 4) for step in (0, 4, 9, 10, 55, 100)]
    [0.01, 0.05, 0.1, 0.1, 0.05, 0.0]
    """
    if name == "plateau":
        raise SettingError(
            "A rate that falls on a plateau is a callback: give the Experiment "
            "callbacks=(keras.callbacks.ReduceLROnPlateau(),) and the optimizer a number."
        )
    if name not in NAMES:
        raise UnknownNameError("schedule", name, NAMES)
    if learning_rate <= 0 or steps < 1 or not 0 <= warm_up < 1:
        raise SettingError(
            "A schedule has a learning_rate above 0, at least 1 step and a warm_up from 0 to below "
            f"1: {learning_rate=}, {steps=}, {warm_up=}."
        )
    if name == "one_cycle":
        if warm_up:
            raise SettingError(f"one_cycle has a rise of its own; leave out {warm_up=}.")
        warm_up = RISE
    rise = round(warm_up * steps)
    falling = _falling(name, learning_rate, max(steps - rise, 1))
    if not rise:
        return falling
    return WarmUp(falling, rise, FIRST if name == "one_cycle" else 0.0)


def _falling(name: str, peak: float, steps: int):
    schedules = keras.optimizers.schedules
    if name == "constant":
        return schedules.PiecewiseConstantDecay([steps], [peak, peak])
    if name == "step":
        return schedules.PiecewiseConstantDecay(
            [steps // 2, steps * 3 // 4], [peak, peak / 10, peak / 100]
        )
    if name in ("linear", "polynomial"):
        return schedules.PolynomialDecay(peak, steps, 0.0, power=2 if name == "polynomial" else 1)
    return schedules.CosineDecay(peak, steps, alpha=LAST if name == "one_cycle" else 0.0)
