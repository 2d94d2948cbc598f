"""One step of gradient descent on the kernel of one filter."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.explain import outputs
from cnnkit.explain.numpy_forward import float64_weights
from cnnkit.explain.unit import filter_group, layer_patches
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.arrays import as_numpy, in_float32
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.keras_graph.gradients import value_and_gradient


@dataclass(frozen=True)
class GradientStep:
    """One step of gradient descent on one filter's kernel and bias; all other weights stay.

    Arrays are float64.

    Attributes:
        learning_rate: Size of the step.
        pre_activation_gradient: Gradient of the loss at each value of the filter's map before the
            activation. It has the shape of the map; of a dense layer, `()`.
        kernel_gradient: Gradient of the loss at the kernel: the sum over all places of
            `pre_activation_gradient * patch`.
        bias_gradient: Gradient of the loss at the bias: the sum of `pre_activation_gradient`.
        updated_kernel: `kernel - learning_rate * kernel_gradient`.
        updated_bias: `bias - learning_rate * bias_gradient`.
        loss_after: The loss with the updated kernel and bias, in nats.
    """

    learning_rate: float
    pre_activation_gradient: np.ndarray
    kernel_gradient: np.ndarray
    bias_gradient: float
    updated_kernel: np.ndarray
    updated_bias: float
    loss_after: float


def compute_gradient_step(
    model: keras.Model,
    batch: np.ndarray,
    label: int,
    step,
    *,
    filter_index: int,
    learning_rate: float,
) -> GradientStep:
    """Return one step of gradient descent on the kernel of one filter.

    Args:
        model: The model; its weights stay as they are.
        batch: One image with a batch axis, float32.
        label: The class that the cross-entropy asks for.
        step: The walkthrough's `Step` of a Conv1D, Conv2D or Dense layer.
        filter_index: The filter or unit to update.
        learning_rate: Size of the step.

    Returns:
        The gradients, the updated weights and the loss after the step.
    """
    layer = step.layer
    kernels, biases = float64_weights(layer, "kernel", "bias")
    biases = np.broadcast_to(biases, kernels.shape[-1:]).copy()
    loss_and_gradient = _loss_and_gradient(model, batch, label, layer)
    no_change = np.zeros((1, *step.output.shape), "float32")
    _, gradient = loss_and_gradient(no_change, kernels, biases)
    gradient = as_numpy(gradient)[0, ..., filter_index].astype("float64")
    group = filter_group(layer, filter_index)
    patches = layer_patches(layer, step.inputs[0].astype("float64"), group)
    kernel_gradient = np.tensordot(gradient, patches, axes=gradient.ndim)
    kernels[..., filter_index] -= learning_rate * kernel_gradient
    biases[filter_index] -= learning_rate * gradient.sum() * layer.use_bias
    loss_after, _ = loss_and_gradient(no_change, kernels, biases)
    return GradientStep(
        learning_rate=learning_rate,
        pre_activation_gradient=gradient,
        kernel_gradient=kernel_gradient,
        bias_gradient=float(gradient.sum()),
        updated_kernel=kernels[..., filter_index],
        updated_bias=float(biases[filter_index]),
        loss_after=float(as_numpy(loss_after)),
    )


def _loss_and_gradient(model, batch, label, layer):
    """Return a function: (change of a layer's pre-activations, kernel, bias) to (loss, gradient)."""

    def run_with(change, kernel, bias):
        state = [(layer.kernel, kernel)] + [(layer.bias, bias)] * layer.use_bias

        def loss(change):
            activation = layer.activation

            def shifted(values):
                return activation(values + ops.cast(change, values.dtype))

            with (
                keras.StatelessScope(state_mapping=state),
                hooks.replaced(layer, "activation", shifted),
            ):
                scores = in_float32(model(ops.convert_to_tensor(batch), training=False))
                logits = outputs.expand_binary_logits(scores)[0]
            others = ops.concatenate([logits[:label], logits[label + 1 :]])
            # logsumexp(logits) - logits[label] would round to zero where the model is sure.
            return (ops.softplus(ops.logsumexp(others - logits[label])),)

        with outputs.output_logits(model):
            (value,), gradient = value_and_gradient(loss, change)
        return value, gradient

    run = compile_function(run_with)
    return lambda *arrays: run(*(ops.convert_to_tensor(array, "float32") for array in arrays))
