"""Gradients on every backend: the one file of this room that names them.

Keras has operations that run everywhere but no gradient, so each backend's own is taken here.
"""

from collections.abc import Callable

import keras


def value_and_gradient(function: Callable, array):
    """Return what a function makes of a tensor, and the gradient of its first result's sum.

    function: from one tensor to a tuple; the first entry is summed and differentiated, the others
        come along. array: NumPy or tensor, float. Gives (tuple, tensor of the array's shape).
    """
    return _BACKENDS[keras.backend.backend()](function, keras.ops.convert_to_tensor(array))


def compiled(function: Callable, repeated: bool = True) -> Callable:
    """Return a function of tensors, compiled where that pays.

    repeated: whether it will be called more than once. JAX compiles anyhow: step by step it would
    compile each operation by itself. TensorFlow's tracing costs more than one step-by-step run.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.jit(function)
    if backend == "tensorflow" and repeated:
        import tensorflow

        traced = tensorflow.function(function, autograph=False)
        # TensorFlow warns of a function that is traced in many calls; here each call has its own,
        # and asking for the graph is not counted.
        return lambda *tensors: traced.get_concrete_function(*tensors)(*tensors)
    return function


def compiled_beside_training(function: Callable, model: keras.Model) -> Callable:
    """Return a compiled function of tensors that uses a model, to be kept while the model learns.

    JAX compiles the values of weights in unless they are arguments, and here they are.
    """
    if keras.backend.backend() != "jax":
        return compiled(function)

    def with_weights(values, *tensors):
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values, strict=True))):
            return function(*tensors)

    run = compiled(with_weights)
    return lambda *tensors: run([variable.value for variable in model.variables], *tensors)


def rehearse(function: Callable, array) -> None:
    """Call a function of a tensor for what it notes on the way; JAX computes nothing for that."""
    tensor = keras.ops.convert_to_tensor(array)
    if keras.backend.backend() == "jax":
        import jax

        jax.eval_shape(function, tensor)
    else:
        function(tensor)


def _jax(function, tensor):
    import jax

    def total(values):
        results = function(values)
        return keras.ops.sum(results[0]), results

    gradient, results = jax.grad(total, has_aux=True)(tensor)
    return results, gradient


def _tensorflow(function, tensor):
    import tensorflow

    # Only what follows the tensor is differentiated; watching the weights as well would keep
    # every activation before it.
    with tensorflow.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensor)
        results = function(tensor)
        total = keras.ops.sum(results[0])
    gradient = tape.gradient(total, tensor, unconnected_gradients="zero")
    return results, gradient


def _torch(function, tensor):
    import torch

    tensor = tensor.detach().requires_grad_()
    results = function(tensor)
    total = keras.ops.sum(results[0])
    (gradient,) = torch.autograd.grad(total, tensor, allow_unused=True)
    gradient = torch.zeros_like(tensor) if gradient is None else gradient
    return tuple(result.detach() for result in results), gradient


_BACKENDS = {"jax": _jax, "tensorflow": _tensorflow, "torch": _torch}
