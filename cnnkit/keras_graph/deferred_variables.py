"""Build a model without the memory of its weights, and give it the weights afterwards."""

import contextlib
import math
from collections.abc import Iterator

import keras
from keras.src.backend.common import global_state
from keras.src.backend.common.variables import initialize_all_variables

# Keras has no public name for it; without it a layer that two networks share becomes two.
from keras.src.saving.serialization_lib import ObjectSharingScope as ObjectSharingScope


class LargeVariableError(Exception):
    """A layer asks for the values of a large variable while it is built."""


class _Unfilled(keras.StatelessScope):
    """A scope in which variables have no values; of small ones, a layer can see the initial values.

    Keras' Normalization does, and would get any number of them.
    """

    def __init__(self, largest: int):
        super().__init__(initialize_variables=False)
        self._largest = largest

    def get_current_value(self, variable):
        if math.prod(variable.shape) > self._largest:
            raise LargeVariableError(f"{variable.path} has {math.prod(variable.shape):,} numbers")
        return super().get_current_value(variable)


@contextlib.contextmanager
def deferred_variables(largest: int) -> Iterator[None]:
    """Let every variable that is created inside the block have its shape, and no values yet.

    Where the block ends without an error, all of them get their initial values. After an error none
    does, so that a model of any size can be refused.

    Args:
        largest: The largest number of values that a layer may ask for inside the block.

    Raises:
        LargeVariableError: A layer asks for more.
    """
    try:
        with _Unfilled(largest):
            yield
    except BaseException:
        # Else Keras would fill them in after the next scope that ends.
        global_state.set_global_attribute("uninitialized_variables", [])
        raise
    initialize_all_variables()


@contextlib.contextmanager
def shapes_alone() -> Iterator[None]:
    """Let every variable that is created inside the block have its shape, and never any values.

    So a network of any size is counted in no memory. `keras.StatelessScope` alone would draw all
    its initial values when it ends.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute("uninitialized_variables", [])
