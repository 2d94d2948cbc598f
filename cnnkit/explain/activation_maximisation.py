"""The image that a filter answers most, made by climbing its answer (Erhan et al. 2009)."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.keras_graph.gradients import value_and_gradient
from cnnkit.random_streams import Purpose, random_generator


def activation_maximisation(
    model: keras.Model,
    layer: str,
    filters: int | Sequence[int],
    *,
    image_shape: tuple[int, ...] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    steps: int = 100,
    step_size: float = 0.05,
    jitter: int = 2,
    smoothness: float = 0.05,
    seed: int = 0,
) -> np.ndarray:
    """Return an image a filter, (filters, height, width, channels) float32, that it answers most.

    layer: a name or path; of a dense layer, such as the logits, `filters` are its units. filters:
    one, whose image comes without the first axis, or several. image_shape: for models that take
    any size. value_range: what the model takes; the images stay inside. steps, step_size: how often
    to climb, and how far each time, in parts of the value range. jitter: largest random shift before
    each step, in pixels, against patterns that fit only one place (Mordvintsev et al. 2015).
    smoothness: weight of the total variation that is held down (Mahendran, Vedaldi 2015). seed: of
    the grey noise it begins with, and of the shifts.

    The answer is taken before the activation, since a ReLU that is off has no slope. Not to be
    trusted as what a filter means: it is one of many images it answers, and far from any photograph.
    """
    single = np.ndim(filters) == 0
    chosen = np.atleast_1d(np.asarray(filters))
    path = hooks.find_layer(model, layer)
    shape = _image_shape(model, image_shape)
    low, high = value_range
    random = random_generator(seed, Purpose.PREFERRED_INPUT)
    images = (low + high) / 2 + 0.1 * (high - low) * random.normal(size=(len(chosen), *shape))
    climb = compile_function(_slope(model, path, chosen, smoothness / (high - low)))
    for _ in range(steps):
        shift = random.integers(-jitter, jitter + 1, len(shape) - 1)
        axes = tuple(range(1, len(shape)))
        shifted = np.roll(images, shift, axes).astype("float32")
        slope = ops.convert_to_numpy(climb(ops.convert_to_tensor(shifted)))
        slope = np.roll(slope, -shift, axes)
        largest = np.abs(slope).max(axis=(*axes, -1), keepdims=True)
        images = images + step_size * (high - low) * slope / np.maximum(largest, 1e-12)
        images = np.clip(images, low, high)
    images = images.astype("float32")
    return images[0] if single else images


def _slope(model, path, chosen, smoothness):
    target = hooks.innermost_layers(model)[path]
    read = hooks.reader(model, [path])

    def answers(images):
        (maps,) = read(images)
        units = maps.shape[-1]
        if chosen.min() < 0 or chosen.max() >= units:
            raise SettingError(
                f"Layer {path!r} has filters 0 to {units - 1}, not {chosen.tolist()}."
            )
        mask = ops.one_hot(chosen, units)
        mean = ops.mean(ops.reshape(maps, (len(chosen), -1, units)), axis=1)
        roughness = sum(
            ops.mean(ops.abs(images[before] - images[after])) * len(chosen)
            for before, after in _neighbours(len(images.shape) - 2)
        )
        return (ops.sum(mean * mask) - smoothness * roughness,)

    def slope(images):
        if getattr(target, "activation", None) is None:
            return value_and_gradient(answers, images)[1]
        with hooks.replaced(target, "activation", keras.activations.linear):
            return value_and_gradient(answers, images)[1]

    return slope


def _neighbours(axes: int) -> list[tuple]:
    """Return the pairs of slices that lay a batch beside itself, moved by one along each axis."""
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
            f"Model {model.name!r} takes any size; give one as image_shape=(height, width, channels)."
        )
    return shape
