"""Gradients on every backend.

`keras.ops` runs on every backend but has no gradient, so each backend's own is taken here.
"""

from collections.abc import Callable

import keras


def value_and_gradient(function: Callable, array):
    """Return a function's results, and the gradient of the sum of its first one.

    Args:
        function: Takes one tensor and returns a tuple of tensors. The first is summed and
            differentiated; the others are returned as they are.
        array: NumPy array or tensor, float: where to differentiate.

    Returns:
        The tuple that `function` returns, and a tensor of the shape of `array`.
    """
    return _BACKENDS[keras.backend.backend()](function, keras.ops.convert_to_tensor(array))


def _jax(function, tensor):
    import jax  # this backend alone

    def total(values):
        results = function(values)
        return keras.ops.sum(results[0]), results

    gradient, results = jax.grad(total, has_aux=True)(tensor)
    return results, gradient


def _tensorflow(function, tensor):
    import tensorflow  # this backend alone

    # Watching the weights, too, would keep every activation before the tensor in memory.
    with tensorflow.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensor)
        results = function(tensor)
        total = keras.ops.sum(results[0])
    gradient = tape.gradient(total, tensor, unconnected_gradients="zero")
    return results, gradient


def _torch(function, tensor):
    import torch  # this backend alone

    tensor = tensor.detach().requires_grad_()
    results = function(tensor)
    total = keras.ops.sum(results[0])
    (gradient,) = torch.autograd.grad(total, tensor, allow_unused=True)
    gradient = torch.zeros_like(tensor) if gradient is None else gradient
    return tuple(result.detach() for result in results), gradient


_BACKENDS = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}
