"""Tests whether to believe a heat map: does it find what the model uses, and does it need the model?"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.errors import SettingError
from cnnkit.explain.attribution.target import Target
from cnnkit.explain.outputs import predict_probabilities
from cnnkit.keras_graph import hooks
from cnnkit.random_streams import Purpose, random_generator


@dataclass(frozen=True)
class ProbabilityCurve:
    """A class's probability as more and more of an image is changed, the most important part first.

    Attributes:
        fractions: Share of the image that is changed, `(steps + 1,)`, from 0 to 1.
        probabilities: Probability of the class, `(samples, steps + 1)`.
    """

    fractions: np.ndarray
    probabilities: np.ndarray

    @property
    def areas(self) -> np.ndarray:
        """The area under each curve by the trapezoidal rule, `(samples,)`, in [0, 1]."""
        return np.trapezoid(self.probabilities, self.fractions, axis=1)


def deletion(
    model: keras.Model,
    images: np.ndarray,
    maps: np.ndarray,
    classes=None,
    *,
    baseline: float | np.ndarray = 0.0,
    steps: int = 20,
    batch_size: int = 32,
) -> ProbabilityCurve:
    """Measure how a class's probability falls as pixels are deleted, most important first.

    The smaller the area under the curve, the better the map (Petsiuk et al. 2018, section 3.3).

    An image with holes is unlike any that the model was trained on, so do not trust this test alone.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        maps: A heat map for each image, `(samples, height, width)`, or in the shape of `images`, whose
            absolute values are then summed over the channels.
        classes: Class indices, one for all images or one for each. None takes the predicted classes.
        baseline: The value of deleted pixels: a number, or an array in the shape of `images`.
        steps: Number of steps from the full image to the baseline.
        batch_size: Images in one forward pass.

    Returns:
        A probability curve for each image; `explain.figures.probability_curves` draws them.

    Raises:
        SettingError: The maps, images or classes do not fit each other or the model.
    """
    target = Target.create(model, images, classes, batch_size)
    origin = np.broadcast_to(np.asarray(baseline, "float32"), target.batch.shape)
    return _curve(model, target, maps, target.batch, origin, steps, batch_size)


def insertion(
    model: keras.Model,
    images: np.ndarray,
    maps: np.ndarray,
    classes=None,
    *,
    baseline: float | np.ndarray = 0.0,
    steps: int = 20,
    batch_size: int = 32,
) -> ProbabilityCurve:
    """Measure how a class's probability rises as pixels are inserted, most important first.

    The larger the area under the curve, the better the map (Petsiuk et al. 2018, section 3.3). The paper
    starts from the blurred image; pass it as `baseline`.

    Half-filled images are unlike any that the model was trained on, so do not trust this test alone.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        maps: A heat map for each image, `(samples, height, width)`, or in the shape of `images`, whose
            absolute values are then summed over the channels.
        classes: Class indices, one for all images or one for each. None takes the predicted classes.
        baseline: What the images start from: a number, or an array in the shape of `images`.
        steps: Number of steps from the baseline to the full image.
        batch_size: Images in one forward pass.

    Returns:
        A probability curve for each image; `explain.figures.probability_curves` draws them.

    Raises:
        SettingError: The maps, images or classes do not fit each other or the model.
    """
    target = Target.create(model, images, classes, batch_size)
    origin = np.broadcast_to(np.asarray(baseline, "float32"), target.batch.shape)
    return _curve(model, target, maps, origin, target.batch, steps, batch_size)


def parameter_randomisation(
    model: keras.Model, images: np.ndarray, method: Callable, *, seed: int = 0, **options
) -> dict[str, float]:
    """Measure how similar a method's maps stay as the model's layers are randomised.

    This is the cascading model parameter randomisation test of Adebayo et al. 2018, section 3.1. From the
    last layer with weights to the first, each layer's weights are shuffled and stay so. A method that
    explains the model falls towards 0. The model's own weights are restored at the end.

    Args:
        model: A Keras classifier.
        images: A batch, as the model takes it.
        method: `gradient`, `grad_cam` and so on. It is called with the classes that the trained model
            predicts.
        seed: Chooses how the weights are shuffled.
        **options: Passed on to `method`.

    Returns:
        By layer, the mean rank correlation (Spearman) of the maps' absolute values with those of the
        trained model, in [-1, 1].

    Raises:
        SettingError: The images or classes do not fit the model.
    """
    target = Target.create(model, images, None, options.get("batch_size", 32))
    batch, classes = target.batch, target.classes
    random = random_generator(seed, Purpose.RANDOM_WEIGHTS)
    layers = [
        (path, layer) for path, layer in hooks.innermost_layers(model).items() if layer.weights
    ]
    trained = {path: layer.get_weights() for path, layer in layers}
    before = _ranks(method(model, batch, classes, **options))
    similarities = {}
    try:
        for path, layer in reversed(layers):
            layer.set_weights(
                [
                    random.permutation(values.reshape(-1)).reshape(values.shape)
                    for values in trained[path]
                ]
            )
            after = _ranks(method(model, batch, classes, **options))
            similarities[path] = float(
                np.mean([_correlation(*pair) for pair in zip(before, after, strict=True)])
            )
    finally:
        for path, layer in layers:
            layer.set_weights(trained[path])
    return similarities


def _curve(model, target: Target, maps, begin, end, steps, batch_size) -> ProbabilityCurve:
    """Return the curve along the way from one image to another, in the order of a map."""
    places = target.batch.shape[1:-1]
    weights = np.asarray(maps, "float32")
    weights = weights[None] if target.is_single else weights
    if weights.shape == target.batch.shape:
        weights = np.abs(weights).sum(axis=-1)
    if weights.shape != (len(target.batch), *places):
        raise SettingError(
            f"There must be a map for each image, (samples, {', '.join(map(str, places))}), not an array of "
            f"shape {np.shape(maps)}."
        )
    order = np.argsort(-weights.reshape(len(weights), -1), axis=1, kind="stable")
    ranks = np.argsort(order, axis=1).reshape(weights.shape)
    pixels = order.shape[1]
    counts = [round(pixels * step / steps) for step in range(steps + 1)]
    scores = [
        predict_probabilities(
            model, np.where((ranks < count)[..., None], end, begin).astype("float32"), batch_size
        )[np.arange(len(weights)), target.classes]
        for count in counts
    ]
    return ProbabilityCurve(np.array(counts) / pixels, np.stack(scores, axis=1))


def _ranks(maps) -> list[np.ndarray]:
    """Return the ranks of each map's absolute values; equal values share their mean rank."""
    sizes = np.abs(maps)
    sizes = sizes.reshape(len(sizes), -1)
    ranks = []
    for values in sizes:
        _, place, times = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(times) - (times + 1) / 2)[place])
    return ranks


def _correlation(one, other) -> float:
    if not np.ptp(one) or not np.ptp(other):  # a constant map has no ranks to correlate
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
