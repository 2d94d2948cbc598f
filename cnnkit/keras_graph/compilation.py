"""Compile functions of tensors, other than training steps, on every backend."""

from collections.abc import Callable

import keras


def compile_function(function: Callable, repeated: bool = True) -> Callable:
    """Compile a function of tensors where that saves time.

    JAX always compiles, since it would otherwise compile each operation by itself. TensorFlow's
    tracing takes longer than one call of the function.

    Args:
        function: Takes and returns tensors.
        repeated: Whether the result is called more than once.

    Returns:
        A function with the same arguments and results.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        import jax  # this backend alone

        return jax.jit(function)
    if backend == "tensorflow" and repeated:
        import tensorflow  # this backend alone

        traced = tensorflow.function(function, autograph=False)
        # TensorFlow warns when a function is traced often, as it is here by design: once for each
        # view. Traces that are asked for are not counted.
        return lambda *tensors: traced.get_concrete_function(*tensors)(*tensors)
    return function


def compile_with_model(function: Callable, model: keras.Model) -> Callable:
    """Compile a function that calls a model whose weights change between calls.

    JAX treats weights as constants unless they are arguments, so here they are arguments.

    Args:
        function: Takes and returns tensors, and calls `model`.
        model: The model, such as one that is in training.

    Returns:
        A function with the same arguments and results, which always uses the current weights.
    """
    if keras.backend.backend() != "jax":
        return compile_function(function)

    def with_weights(values, *tensors):
        with keras.StatelessScope(state_mapping=list(zip(model.variables, values, strict=True))):
            return function(*tensors)

    run = compile_function(with_weights)
    return lambda *tensors: run([variable.value for variable in model.variables], *tensors)


def dry_run(function: Callable, array) -> None:
    """Call a function for its side effects alone; JAX then only computes shapes.

    Args:
        function: Takes one tensor. Its result is dropped.
        array: NumPy array or tensor.
    """
    tensor = keras.ops.convert_to_tensor(array)
    if keras.backend.backend() == "jax":
        import jax  # this backend alone

        jax.eval_shape(function, tensor)
    else:
        function(tensor)
