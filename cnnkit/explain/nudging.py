"""Nudging: each weight of a layer a little higher and a little lower, beside back-propagation."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain import outputs
from cnnkit.explain.inputs import as_batch
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.arrays import as_numpy, in_float32
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.keras_graph.gradients import value_and_gradient

MOST_WEIGHTS = 10_000  # each takes two forward passes


@dataclass(frozen=True)
class Nudges:
    """The loss with each weight of one kernel a little higher and a little lower.

    All arrays have the shape of the kernel, float64.

    Attributes:
        layer: Path of the layer.
        step: How far each weight was moved.
        loss: Mean cross-entropy with the weights as they are, in nats.
        higher: The loss with this one weight higher by `step`.
        lower: The loss with this one weight lower by `step`.
        gradient: The gradient of the loss by back-propagation.
    """

    layer: str
    step: float
    loss: float
    higher: np.ndarray
    lower: np.ndarray
    gradient: np.ndarray

    @property
    def slopes(self) -> np.ndarray:
        """The gradient by nudging: the difference of both losses, divided by both steps."""
        return (self.higher - self.lower) / (2 * self.step)

    @property
    def better(self) -> np.ndarray:
        """For each weight the nudge that lowers the loss most: `step`, `-step`, or 0 for neither."""
        losses = np.stack([np.full_like(self.higher, self.loss), self.higher, self.lower])
        return np.array([0.0, self.step, -self.step])[losses.argmin(axis=0)]


def nudge(
    model: keras.Model, images: np.ndarray, labels, layer: str, *, step: float = 0.01
) -> Nudges:
    """Make each weight of a layer's kernel a little higher and a little lower, one at a time.

    The loss is the mean cross-entropy. The model's weights stay as they are.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them.
        labels: The class index of each image, or one for all.
        layer: Name or path of a layer with a kernel, such as Conv2D or Dense.
        step: How far to move each weight, above 0. Much smaller ones drown in float32's rounding.

    Returns:
        The losses and, to compare, the gradient by back-propagation.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The layer has no kernel, `step` is not above 0, the kernel has more than 10,000 weights, or images and
            labels do not fit the model.
    """
    if not step > 0:
        raise SettingError(f"step is how far each weight is moved, above 0, not {step}.")
    batch, _ = as_batch(model, images)
    layers = {
        path: each
        for path, each in hooks.innermost_layers(model).items()
        if getattr(each, "kernel", None) is not None
    }
    path = hooks.find_layer(model, layer, list(layers))
    kernel = as_numpy(layers[path].kernel).astype("float32")
    if kernel.size > MOST_WEIGHTS:
        raise SettingError(
            f"Layer {path!r} has {kernel.size:,} weights; nudging takes two forward passes for each, "
            f"so at most {MOST_WEIGHTS:,} are nudged. Choose a smaller layer."
        )
    predicted = outputs.predict_probabilities(model, batch)
    labels = outputs.class_indices(labels, predicted, model)
    loss, loss_and_gradient = _loss_functions(model, batch, labels, layers[path])
    higher, lower = np.empty(kernel.shape), np.empty(kernel.shape)
    for index in np.ndindex(kernel.shape):
        for losses, move in ((higher, step), (lower, -step)):
            nudged = kernel.copy()
            nudged[index] += move
            losses[index] = as_numpy(loss(ops.convert_to_tensor(nudged)))
    here, gradient = loss_and_gradient(ops.convert_to_tensor(kernel))
    return Nudges(
        layer=path,
        step=step,
        loss=float(as_numpy(here)),
        higher=higher,
        lower=lower,
        gradient=as_numpy(gradient).astype("float64"),
    )


def _loss_functions(model, batch, labels, layer):
    """Return two functions of a layer's kernel: its loss, and the loss with its gradient."""
    images = ops.convert_to_tensor(batch)
    wanted = ops.convert_to_tensor(labels.astype("int32"))

    def loss(kernel):
        with keras.StatelessScope(state_mapping=[(layer.kernel, kernel)]):
            scores = in_float32(model(images, training=False))
        logits = outputs.expand_binary_logits(scores)
        return ops.mean(
            keras.losses.sparse_categorical_crossentropy(wanted, logits, from_logits=True)
        )

    def compiled(function):
        run = compile_function(function)

        def with_logits(kernel):
            with outputs.output_logits(model):
                return run(kernel)

        return with_logits

    def with_gradient(kernel):
        (value,), gradient = value_and_gradient(lambda values: (loss(values),), kernel)
        return value, gradient

    return compiled(loss), compiled(with_gradient)
