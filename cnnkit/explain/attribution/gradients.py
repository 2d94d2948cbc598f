"""Attribution by gradients: how a small change of each pixel would change a class's logit."""

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
    """Compute the gradient of a class's logit at the image (Simonyan et al. 2013).

    Do not trust it to show how much a part matters. It tells what a small change would do, and
    where
    the network is saturated, a small change does nothing. Maps are noisy from pixel to pixel.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted
        classes.
        batch_size: Images in one forward pass.

    Returns:
        The shape of `images`, float32, signed.

    Raises:
        SettingError: The images or classes do not fit the model.
    """
    target = Target.create_lazily(model, images, classes, batch_size)
    gradients = in_compiled_batches(_gradient(model), batch_size, target.batch, target.classes)
    return target.restore_shape(gradients)


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
    """Compute the mean gradient over noisy copies of the image (Smilkov et al. 2017).

    Do not trust fine structure: the map shows the network around the image, not at it. What looks
    clean may be the smoothing alone.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted
        classes.
        samples: Number of noisy copies.
        noise: Standard deviation of the noise, as a part of each image's own range. The paper finds
            0.1 to 0.2 best (section 3.3).
        seed: Chooses the noise.
        batch_size: Images in one forward pass.

    Returns:
        The shape of `images`, float32, signed.

    Raises:
        SettingError: The images or classes do not fit the model.
    """
    target = Target.create(model, images, classes, batch_size)
    random = random_generator(seed, Purpose.NOISY_PIXELS)
    axes = tuple(range(1, target.batch.ndim))
    spread = noise * np.ptp(target.batch, axis=axes, keepdims=True)
    run = compile_function(_gradient(model))
    total = np.zeros_like(target.batch)
    for _ in range(samples):
        noisy = target.batch + spread * random.standard_normal(target.batch.shape, "float32")
        total += _in_batches(run, batch_size, noisy.astype("float32"), target.classes)
    return target.restore_shape(total / samples)


def integrated_gradients(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    baseline: float | np.ndarray = 0.0,
    steps: int = 64,
    batch_size: int = 32,
) -> np.ndarray:
    """Compute integrated gradients (Sundararajan et al. 2017).

    Each pixel gets a share of the difference between the image's logit and the baseline's. The
    shares add
    up to that difference; take more steps where they do not.

    Do not trust it without naming the baseline: another one gives another map, and a pixel equal
    to the baseline (black, if it is black) gets no
    share. Shares are multiplied by the image, so even a network with random weights gives a map
    that
    looks much the same (Adebayo et al. 2018, section 5).

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted
        classes.
        baseline: The image that stands for "nothing": a number, or an array in the shape of an
        image.
        steps: Points on the straight line from the baseline to the image; 20 to 300 in the paper
            (section 5).
        batch_size: Images in one forward pass.

    Returns:
        The shape of `images`, float32, signed.

    Raises:
        SettingError: The images or classes do not fit the model.
    """
    target = Target.create(model, images, classes, batch_size)
    origin = np.broadcast_to(np.asarray(baseline, "float32"), target.batch.shape)
    run = compile_function(_gradient(model))
    total = np.zeros_like(target.batch)
    for step in range(steps):
        between = origin + (target.batch - origin) * np.float32((step + 0.5) / steps)
        total += _in_batches(run, batch_size, between, target.classes)
    return target.restore_shape(total / steps * (target.batch - origin))


def guided_backpropagation(
    model: keras.Model, images: np.ndarray, classes=None, *, batch_size: int = 32
) -> np.ndarray:
    """Compute the gradient that passes ReLUs only where it is positive (Springenberg et al. 2014).

    Do not trust it to show why a class was chosen: it paints the image's edges whatever the class,
    and stays
    nearly the same when the upper layers get random weights (Adebayo et al. 2018).

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted
        classes.
        batch_size: Images in one forward pass.

    Returns:
        The shape of `images`, float32, signed.

    Raises:
        SettingError: The images or classes do not fit the model, or the model has no ReLU.
    """
    rectifiers = [
        layer for layer in hooks.innermost_layers(model).values() if _ceiling(layer) is not None
    ]
    if not rectifiers:
        raise SettingError(
            f"Model {model.name!r} has no ReLU to guide a gradient through; gradient, smooth_grad "
            "and integrated_gradients do without."
        )
    target = Target.create(model, images, classes, batch_size)
    with ExitStack() as undo:
        for layer in rectifiers:
            attribute = "call" if isinstance(layer, keras.layers.ReLU) else "activation"
            undo.enter_context(hooks.replaced(layer, attribute, _guided(_ceiling(layer))))
        gradients = in_compiled_batches(_gradient(model), batch_size, target.batch, target.classes)
    return target.restore_shape(gradients)


def _gradient(model):
    def gradient(batch, classes):
        return value_and_gradient(lambda images: (class_scores(model, images, classes),), batch)[1]

    return gradient


def _in_batches(run, batch_size, *arrays):
    """Apply a compiled function to all samples, in batches of one size."""
    return in_batches(
        lambda *batch: run(*(ops.convert_to_tensor(part) for part in batch)), batch_size, *arrays
    )


def _ceiling(layer) -> float | None:
    """Return where a layer's ReLU stops rising (infinity, or 6); None if it has no ReLU."""
    if isinstance(layer, keras.layers.ReLU):
        leaky = layer.negative_slope or layer.threshold
        return None if leaky else float("inf") if layer.max_value is None else layer.max_value
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return {"relu": float("inf"), "relu6": 6.0}.get(name)


def _guided(ceiling):
    @ops.custom_gradient
    def guided(values):
        def backward(*arguments, upstream=None):
            upstream = arguments[0] if upstream is None else upstream
            rising = ops.logical_and(values > 0, values < ceiling)
            return ops.where(ops.logical_and(rising, upstream > 0), upstream, 0.0)

        return ops.clip(values, 0.0, ceiling), backward

    return guided
