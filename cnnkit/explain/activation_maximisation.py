"""Activation maximisation: make the image that a filter responds to most (Erhan et al. 2009)."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.keras_graph.gradients import value_and_gradient
from cnnkit.random_streams import Purpose, random_generator


def activation_maximisation(
    model: keras.Model,
    layer: str,
    filter_indices: int | Sequence[int],
    *,
    image_shape: tuple[int, ...] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    steps: int = 100,
    step_size: float = 0.05,
    jitter: int = 2,
    total_variation_weight: float = 0.05,
    contrast: bool = False,
    seed: int = 0,
) -> np.ndarray:
    """Make an image for each filter that maximises the filter's mean output, by gradient ascent.

    The output is taken before the activation, since a ReLU that is off has no gradient. The image is
    one of many that the filter responds to, and far from any photograph: it does not say what the
    filter means.

    Args:
        model: A Keras model of images.
        layer: Name or path of a layer.
        filter_indices: One filter or several; of a dense layer, such as the logits, its units.
        image_shape: `(height, width, channels)`, for a model that takes images of any size.
        value_range: Smallest and largest value that the model takes. The images stay inside.
        steps: Number of gradient steps.
        step_size: Size of a step, as a part of the value range.
        jitter: Largest random shift before each step, in pixels. It suppresses patterns that fit a
            single place (Mordvintsev et al. 2015).
        total_variation_weight: Weight of the total variation, which keeps images smooth (Mahendran,
            Vedaldi 2015).
        contrast: Whether to maximise how much the output differs from place to place (its standard
            deviation) instead of its mean. Many filters of a first layer like a plain bright or dark
            image best; this shows the pattern they tell apart. A single output has its mean maximised.
        seed: Chooses the grey noise to start from, and the shifts.

    Returns:
        `(filters, height, width, channels)`, float32; without the first axis for a single index.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: There is no such filter, or the model takes any size and `image_shape` is missing.
    """
    is_single = np.ndim(filter_indices) == 0
    indices = np.atleast_1d(np.asarray(filter_indices))
    path = hooks.find_layer(model, layer)
    shape = _image_shape(model, image_shape)
    low, high = value_range
    random = random_generator(seed, Purpose.PREFERRED_INPUT)
    images = (low + high) / 2 + 0.1 * (high - low) * random.normal(size=(len(indices), *shape))
    gradient_of = compile_function(
        _gradient(model, path, indices, total_variation_weight / (high - low), contrast)
    )
    for _ in range(steps):
        shift = random.integers(-jitter, jitter + 1, len(shape) - 1)
        axes = tuple(range(1, len(shape)))
        shifted = np.roll(images, shift, axes).astype("float32")
        gradient = as_numpy(gradient_of(ops.convert_to_tensor(shifted)))
        gradient = np.roll(gradient, -shift, axes)
        largest = np.abs(gradient).max(axis=(*axes, -1), keepdims=True)
        images = images + step_size * (high - low) * gradient / np.maximum(largest, 1e-12)
        images = np.clip(images, low, high)
    images = images.astype("float32")
    return images[0] if is_single else images


def _gradient(model, path, indices, total_variation_weight, contrast):
    target = hooks.innermost_layers(model)[path]
    read = hooks.feature_extractor(model, [path])

    def objective(images):
        (maps,) = read(images)
        units = maps.shape[-1]
        if indices.min() < 0 or indices.max() >= units:
            raise SettingError(
                f"Layer {path!r} has filters 0 to {units - 1}, not {indices.tolist()}."
            )
        mask = ops.one_hot(indices, units)
        values = ops.reshape(maps, (len(indices), -1, units))
        several = contrast and values.shape[1] != 1
        score = ops.std(values, axis=1) if several else ops.mean(values, axis=1)
        variation = sum(
            ops.mean(ops.abs(images[before] - images[after])) * len(indices)
            for before, after in _neighbour_slices(len(images.shape) - 2)
        )
        return (ops.sum(score * mask) - total_variation_weight * variation,)

    def gradient(images):
        if getattr(target, "activation", None) is None:
            return value_and_gradient(objective, images)[1]
        with hooks.replaced(target, "activation", keras.activations.linear):
            return value_and_gradient(objective, images)[1]

    return gradient


def _neighbour_slices(axes: int) -> list[tuple]:
    """Return pairs of slices that shift a batch by one along each image axis."""
    everything = slice(None)
    return [
        (
            (everything,) * (axis + 1) + (slice(1, None),),
            (everything,) * (axis + 1) + (slice(None, -1),),
        )
        for axis in range(axes)
    ]


def _image_shape(model, image_shape) -> tuple[int, ...]:
    if image_shape is not None:
        return tuple(image_shape)
    shape = tuple(model.inputs[0].shape[1:])
    if None in shape:
        raise SettingError(
            f"Model {model.name!r} takes images of any size. Pass image_shape=(height, width, channels)."
        )
    return shape
