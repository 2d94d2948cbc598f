"""Whether to believe a heat map: does it find what the model uses, and does it need the model?"""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.errors import SettingError
from cnnkit.explain.attribution.target import Target
from cnnkit.explain.outputs import probabilities
from cnnkit.keras_graph import hooks
from cnnkit.random_streams import Purpose, random_generator


@dataclass(frozen=True)
class Curve:
    """A class's probability while more and more of an image is changed, most important part first.

    fractions: how much of the image is changed, (steps + 1,), from 0 to 1. probabilities: (samples,
    steps + 1). areas: under each curve, (samples,), from 0 to 1.
    """

    fractions: np.ndarray
    probabilities: np.ndarray

    @property
    def areas(self) -> np.ndarray:
        """The area under each curve, by trapezes."""
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
) -> Curve:
    """Return how a class's probability falls while a map's pixels are deleted, highest first.

    Petsiuk et al. 2018, section 3.3: the smaller the area, the better the map. maps: (samples,
    height, width), or of the images' shape, whose sizes then count. baseline: what a deleted pixel
    becomes, a number or an array of the images' shape. Classes: as `grad_cam`.

    Not to be trusted by itself: an image with holes is unlike any that the model learnt from.
    """
    target = Target.of(model, images, classes, batch_size)
    start = np.broadcast_to(np.asarray(baseline, "float32"), target.batch.shape)
    return _curve(model, target, maps, target.batch, start, steps, batch_size)


def insertion(
    model: keras.Model,
    images: np.ndarray,
    maps: np.ndarray,
    classes=None,
    *,
    baseline: float | np.ndarray = 0.0,
    steps: int = 20,
    batch_size: int = 32,
) -> Curve:
    """Return how a class's probability rises while a map's pixels are put onto a baseline.

    The larger the area, the better the map. The paper begins with the blurred image, which is to be
    had as `baseline`. All else, and what not to trust: as `deletion`.
    """
    target = Target.of(model, images, classes, batch_size)
    start = np.broadcast_to(np.asarray(baseline, "float32"), target.batch.shape)
    return _curve(model, target, maps, start, target.batch, steps, batch_size)


def randomisation(
    model: keras.Model, images: np.ndarray, method: Callable, *, seed: int = 0, **options
) -> dict[str, float]:
    """Return how alike a method's maps stay while the model's layers are made random, by layer.

    The cascade of Adebayo et al. 2018, section 3.1: from the last layer with weights to the first,
    each layer's weights are shuffled and stay so. Each entry is the mean rank correlation
    (Spearman) of the sizes of the maps with those of the trained model, from -1 to 1; a method that
    explains the model falls towards 0. method: `gradient`, `grad_cam` and so on, called with the
    classes that the trained model predicts, and with `options`. The model is left as it was.
    """
    target = Target.of(model, images, None, options.get("batch_size", 32))
    batch, classes = target.batch, target.classes
    random = random_generator(seed, Purpose.RANDOM_WEIGHTS)
    layers = [
        (path, layer) for path, layer in hooks.innermost_layers(model).items() if layer.weights
    ]
    trained = {path: layer.get_weights() for path, layer in layers}
    before = _ranks(method(model, batch, classes, **options))
    alike = {}
    try:
        for path, layer in reversed(layers):
            layer.set_weights(
                [
                    random.permutation(values.reshape(-1)).reshape(values.shape)
                    for values in trained[path]
                ]
            )
            after = _ranks(method(model, batch, classes, **options))
            alike[path] = float(
                np.mean([_correlation(*pair) for pair in zip(before, after, strict=True)])
            )
    finally:
        for path, layer in layers:
            layer.set_weights(trained[path])
    return alike


def _curve(model, target: Target, maps, begin, end, steps, batch_size) -> Curve:
    """Return the curve of a way from one image to another, in the order of a map."""
    places = target.batch.shape[1:-1]
    weights = np.asarray(maps, "float32")
    weights = weights[None] if target.single else weights
    if weights.shape == target.batch.shape:
        weights = np.abs(weights).sum(axis=-1)
    if weights.shape != (len(target.batch), *places):
        raise SettingError(
            f"A map for each image is needed, (samples, {', '.join(map(str, places))}), not an array of "
            f"shape {np.shape(maps)}."
        )
    order = np.argsort(-weights.reshape(len(weights), -1), axis=1, kind="stable")
    ranks = np.argsort(order, axis=1).reshape(weights.shape)
    pixels = order.shape[1]
    counts = [round(pixels * step / steps) for step in range(steps + 1)]
    scores = [
        probabilities(
            model, np.where((ranks < count)[..., None], end, begin).astype("float32"), batch_size
        )[np.arange(len(weights)), target.classes]
        for count in counts
    ]
    return Curve(np.array(counts) / pixels, np.stack(scores, axis=1))


def _ranks(maps) -> list[np.ndarray]:
    """Return the ranks of each map's sizes; equal ones share their mean rank."""
    sizes = np.abs(maps)
    sizes = sizes.reshape(len(sizes), -1)
    ranks = []
    for values in sizes:
        _, place, times = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(times) - (times + 1) / 2)[place])
    return ranks


def _correlation(one, other) -> float:
    if not np.ptp(one) or not np.ptp(other):  # a map that is the same everywhere says nothing
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
