"""Learning rates of single variables, which Keras' optimizers do not have."""

from collections.abc import Sequence

import keras


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
