"""Learning rates: of single variables, of an epoch, and of copies of optimizers."""

from collections.abc import Sequence

import keras

# Which variables weight decay spares: Keras leaves it out of an optimizer's configuration, and has no
# public way to read it.
DECAY_RULE = ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern")


class UsedLearningRate(keras.callbacks.Callback):
    """Notes the learning rate of each epoch's last step; it comes before all other callbacks.

    At the end of an epoch others, such as ReduceLROnPlateau, set the rate of the next one, and a
    schedule has moved on to the next step.

    Attributes:
        value: The learning rate; NaN before the first epoch ends.
    """

    def __init__(self):
        super().__init__()
        self.value = float("nan")

    def on_epoch_end(self, epoch, logs=None):
        """Note it."""
        optimizer = self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
        rate = getattr(optimizer, "_learning_rate", None)
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            self.value = float(rate(max(int(_number(optimizer.iterations)) - 1, 0)))
        else:
            variable = isinstance(rate, keras.Variable)
            self.value = float(_number(rate) if variable else optimizer.learning_rate)


def _number(variable: keras.Variable):
    """Return a variable's number; where several devices have it, `float` does not."""
    return keras.ops.convert_to_numpy(variable)


def scale_learning_rates(
    optimizer: keras.optimizers.Optimizer, factors: Sequence[tuple[keras.Variable, float]]
) -> None:
    """Let an optimizer train some variables at a part of its learning rate.

    Args:
        optimizer: The optimizer to change; it may be built or not.
        factors: Pairs of a variable and its part of the learning rate, such as 0.1. All other
            variables are trained at the learning rate itself.
    """
    factor_of = {id(variable): factor for variable, factor in factors}
    update = optimizer.update_step

    def update_step(gradient, variable, learning_rate):
        # `variable` may be the backend's own object; its index leads to Keras' variable.
        index = optimizer._get_variable_index(variable)
        factor = factor_of.get(id(optimizer._trainable_variables[index]), 1.0)
        return update(gradient, variable, learning_rate * factor)

    optimizer.update_step = update_step


def copy_with_learning_rate(
    optimizer: keras.optimizers.Optimizer, learning_rate
) -> keras.optimizers.Optimizer:
    """Return a copy of an optimizer for a short trial.

    Args:
        optimizer: The optimizer to copy; what weight decay spares is copied, too.
        learning_rate: A number or a Keras schedule.

    Returns:
        A new optimizer with that learning rate, which does not average weights.
    """
    config = optimizer.get_config() | {"learning_rate": learning_rate}
    if config.get("use_ema"):  # nothing looks at averages in a trial
        config["use_ema"] = False
    copy = type(optimizer).from_config(config)
    for name in DECAY_RULE:
        if hasattr(optimizer, name):
            setattr(copy, name, getattr(optimizer, name))
    return copy
