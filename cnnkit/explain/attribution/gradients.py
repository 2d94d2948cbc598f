"""Gradients of a class's logit at the image: what a small change of each value would do."""

from contextlib import ExitStack

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain.attribution.target import Target, class_scores
from cnnkit.explain.batches import in_batches, in_compiled_batches
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.keras_graph.gradients import value_and_gradient
from cnnkit.random_streams import Purpose, random_generator


def gradient(
    model: keras.Model, images: np.ndarray, classes=None, *, batch_size: int = 32
) -> np.ndarray:
    """Return the gradient of a class's logit at the image (Simonyan et al. 2013), signed.

    images: one, or a batch; the answer has their shape, float32. classes: an index for all, one an
    image, or None for the predicted ones.

    Not to be trusted for how much a part matters: it says what a small change would do, and where
    the network is saturated a small change does nothing. It is noisy from pixel to pixel.
    """
    target = Target.of_one_pass(model, images, classes, batch_size)
    slopes = in_compiled_batches(_slope(model), batch_size, target.batch, target.classes)
    return target.shaped(slopes)


def smooth_grad(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
    batch_size: int = 32,
) -> np.ndarray:
    """Return the mean gradient over noisy copies of the image (Smilkov et al. 2017), signed.

    samples: how many copies. noise: their standard deviation, in parts of each image's own range;
    the paper finds 0.1 to 0.2 best (section 3.3). Images, classes and the answer: as `gradient`.

    Not to be trusted for fine structure: it shows the network around the image, not at it, and what
    looks clean may be the smoothing alone.
    """
    target = Target.of(model, images, classes, batch_size)
    random = random_generator(seed, Purpose.NOISY_PIXELS)
    axes = tuple(range(1, target.batch.ndim))
    spread = noise * np.ptp(target.batch, axis=axes, keepdims=True)
    run = compile_function(_slope(model))
    total = np.zeros_like(target.batch)
    for _ in range(samples):
        noisy = target.batch + spread * random.standard_normal(target.batch.shape, "float32")
        total += _by_one_function(run, batch_size, noisy.astype("float32"), target.classes)
    return target.shaped(total / samples)


def integrated_gradients(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    baseline: float | np.ndarray = 0.0,
    steps: int = 64,
    batch_size: int = 32,
) -> np.ndarray:
    """Return integrated gradients (Sundararajan et al. 2017): shares of a difference of logits.

    baseline: the image that means "nothing", a number or an array of an image's shape. steps: points
    on the straight line from it to the image; 20 to 300 in the paper (section 5). The shares of an
    image add up to its logit minus the baseline's: check it, and take more steps where they do not.
    Images, classes and the answer: as `gradient`.

    Not to be trusted without naming the baseline: another one gives another map, and what equals it
    (black, if it is black) gets no share at all. As shares are multiplied by the image, the map of a
    network with random weights looks much the same (Adebayo et al. 2018, section 5).
    """
    target = Target.of(model, images, classes, batch_size)
    start = np.broadcast_to(np.asarray(baseline, "float32"), target.batch.shape)
    run = compile_function(_slope(model))
    total = np.zeros_like(target.batch)
    for step in range(steps):
        between = start + (target.batch - start) * np.float32((step + 0.5) / steps)
        total += _by_one_function(run, batch_size, between, target.classes)
    return target.shaped(total / steps * (target.batch - start))


def guided_backpropagation(
    model: keras.Model, images: np.ndarray, classes=None, *, batch_size: int = 32
) -> np.ndarray:
    """Return the gradient that passes ReLUs only where it is positive (Springenberg et al. 2014).

    Images, classes and the answer: as `gradient`. Raises SettingError for a model without ReLU.

    Not to be trusted for why a class was chosen: it paints the image's edges whatever the class, and
    stays nearly the same when the upper layers are made random (Adebayo et al. 2018).
    """
    rectifiers = [
        layer for layer in hooks.innermost_layers(model).values() if _ceiling(layer) is not None
    ]
    if not rectifiers:
        raise SettingError(
            f"Model {model.name!r} has no ReLU to guide a gradient through; gradient, smooth_grad and "
            "integrated_gradients do without."
        )
    target = Target.of(model, images, classes, batch_size)
    with ExitStack() as undo:
        for layer in rectifiers:
            attribute = "call" if isinstance(layer, keras.layers.ReLU) else "activation"
            undo.enter_context(hooks.replaced(layer, attribute, _guided(_ceiling(layer))))
        slopes = in_compiled_batches(_slope(model), batch_size, target.batch, target.classes)
    return target.shaped(slopes)


def _slope(model):
    def slope(batch, classes):
        return value_and_gradient(lambda images: (class_scores(model, images, classes),), batch)[1]

    return slope


def _by_one_function(run, batch_size, *arrays):
    """Return what a compiled function makes of all samples, in batches of one size."""
    return in_batches(
        lambda *batch: run(*(ops.convert_to_tensor(part) for part in batch)), batch_size, *arrays
    )


def _ceiling(layer) -> float | None:
    """Return where a layer's ReLU stops rising (infinity, or 6), None for what is no ReLU."""
    if isinstance(layer, keras.layers.ReLU):
        leaky = layer.negative_slope or layer.threshold
        return None if leaky else float("inf") if layer.max_value is None else layer.max_value
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return {"relu": float("inf"), "relu6": 6.0}.get(name)


def _guided(ceiling):
    @ops.custom_gradient
    def guided(values):
        def back(*arguments, upstream=None):
            upstream = arguments[0] if upstream is None else upstream
            rising = ops.logical_and(values > 0, values < ceiling)
            return ops.where(ops.logical_and(rising, upstream > 0), upstream, 0.0)

        return ops.clip(values, 0.0, ceiling), back

    return guided
