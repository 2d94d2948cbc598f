"""Learning-rate schedules by name, built from those of Keras."""

import keras
from keras import ops

from cnnkit.errors import SettingError, UnknownNameError

NAMES = ("constant", "cosine", "linear", "one_cycle", "polynomial", "step")
# The one-cycle schedule: its first and last rate as parts of the highest, and the part of the steps
# in which the rate rises.
ONE_CYCLE_START, ONE_CYCLE_END, ONE_CYCLE_RISE = 1 / 25, 1e-4, 0.3


@keras.saving.register_keras_serializable("cnnkit")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to a schedule's first rate, then follows the schedule.

    The first step has the rate start + (1 - start) / warmup_steps of that, so no step is lost on a
    rate of zero.

    Args:
        schedule: The `LearningRateSchedule` to follow after the rise.
        warmup_steps: Number of steps of the rise, at least 1.
        start: Where the rise begins, as a part of the schedule's first rate, from 0 to 1.
    """

    def __init__(self, schedule, warmup_steps: int, start: float = 0.0):
        self.schedule, self.warmup_steps, self.start = schedule, warmup_steps, start

    def __call__(self, step):
        """Return the learning rate of a step, counted from 0."""
        progress = ops.minimum((ops.cast(step, "float32") + 1) / self.warmup_steps, 1.0)
        later = ops.maximum(ops.cast(step, "float32") - self.warmup_steps, 0.0)
        return (self.start + (1 - self.start) * progress) * self.schedule(later)

    def get_config(self):
        """Return the schedule's configuration."""
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "warmup_steps": self.warmup_steps, "start": self.start}

    @classmethod
    def from_config(cls, config):
        """Return the schedule of a configuration."""
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(**config | {"schedule": schedule})


def schedule(name: str, learning_rate: float, steps: int, *, warm_up: float = 0.0):
    """Return a learning-rate schedule, for `learning_rate=` of any Keras optimizer.

    A rate that falls when validation no longer improves is not a schedule but Keras' callback
    `ReduceLROnPlateau`.

    Args:
        name: "constant"; "cosine" and "linear", which fall to zero; "polynomial", which falls to
            zero as a square; "step", a tenth after half of the steps and again after three quarters
            (He et al. 2015, section 4.2: 32,000 and 48,000 of 64,000); "one_cycle", which rises from
            1/25 for 30 % of the steps and falls as a cosine to 1/10,000 (Smith, Topin 2017,
            https://arxiv.org/abs/1708.07120).
        learning_rate: The highest rate, above 0.
        steps: Steps of the whole training (epochs * batches per epoch), at least 1.
        warm_up: Part of the steps in which the rate first rises linearly from zero; 0 to below 1.

    Returns:
        A `keras.optimizers.schedules.LearningRateSchedule`.

    Raises:
        UnknownNameError: There is no schedule of that name.
        SettingError: A number is out of range, `warm_up` is set for "one_cycle", or the name is
            "plateau".

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
            "A schedule needs a learning_rate above 0, at least 1 step and a warm_up from 0 to below "
            f"1: {learning_rate=}, {steps=}, {warm_up=}."
        )
    if name == "one_cycle":
        if warm_up:
            raise SettingError(f"one_cycle has its own rise; leave out {warm_up=}.")
        warm_up = ONE_CYCLE_RISE
    warmup_steps = round(warm_up * steps)
    falling = _falling(name, learning_rate, max(steps - warmup_steps, 1))
    if not warmup_steps:
        return falling
    return WarmUp(falling, warmup_steps, ONE_CYCLE_START if name == "one_cycle" else 0.0)


def _falling(name: str, peak: float, steps: int):
    """Return the part of a schedule that follows its rise."""
    schedules = keras.optimizers.schedules
    if name == "constant":
        return schedules.PiecewiseConstantDecay([steps], [peak, peak])
    if name == "step":
        return schedules.PiecewiseConstantDecay(
            [steps // 2, steps * 3 // 4], [peak, peak / 10, peak / 100]
        )
    if name in ("linear", "polynomial"):
        return schedules.PolynomialDecay(peak, steps, 0.0, power=2 if name == "polynomial" else 1)
    return schedules.CosineDecay(peak, steps, alpha=ONE_CYCLE_END if name == "one_cycle" else 0.0)
