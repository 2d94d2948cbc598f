"""Build a model without the memory of its weights, and give it the weights afterwards."""

import contextlib
from collections.abc import Iterator

import keras
from keras.src.backend.common import global_state
from keras.src.backend.common.variables import initialize_all_variables

# Keras has no public name for it; without it a layer that two networks share becomes two.
from keras.src.saving.serialization_lib import ObjectSharingScope as ObjectSharingScope


@contextlib.contextmanager
def deferred_variables() -> Iterator[None]:
    """Let every variable that is created inside the block have its shape, and no values yet.

    Where the block ends without an error, all of them get their initial values. After an error none
    does, so that a model of any size can be refused.
    """
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    except BaseException:
        # Else Keras would fill them in after the next scope that ends.
        global_state.set_global_attribute("uninitialized_variables", [])
        raise
    initialize_all_variables()
