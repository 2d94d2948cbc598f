"""Class activation maps from gradients: a feature map's own picture of where a class is."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from cnnkit.explain.attribution.target import Target, class_scores
from cnnkit.explain.batches import in_compiled_batches
from cnnkit.explain.inputs import as_batch
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.gradients import value_and_gradient

COARSE = (
    keras.layers.MaxPooling1D, keras.layers.MaxPooling2D, keras.layers.AveragePooling1D,
    keras.layers.AveragePooling2D, keras.layers.Dropout, keras.layers.ZeroPadding2D,
)  # fmt: skip


def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Return Grad-CAM (Selvaraju et al. 2017), (samples, height, width) float32, 0 to 1.

    Each feature map counts with the mean of its gradient (equation 1), what is negative is dropped
    (equation 2), and the map is drawn over the image's size and divided by its largest value.
    images: one, whose map comes without the first axis, or a batch; of sequences, maps are
    (samples, steps). classes: an index for all, one an image, or None for the predicted ones.
    layer: a name or path, also inside a nested backbone; without one, the last that has maps and is
    no pooling.

    Not to be trusted for outlines, nor for anything that is smaller than a place of the feature map;
    and means of gradients can point to places that did not raise the score.
    """
    return _cam(mean_slopes, model, images, classes, layer, batch_size)


def mean_slopes(maps, slopes, places):
    """Return maps, each times its mean slope, added up: Grad-CAM's own weighing, for `cam_of`."""
    return ops.sum(ops.mean(slopes, axis=places, keepdims=True) * maps, axis=-1)


def grad_cam_plus_plus(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Return Grad-CAM++ (Chattopadhay et al. 2018), made for several objects of one class.

    Only positive gradients count, each place's by equation 19: g^2 / (2 g^2 + sum of the map * g^3),
    for the exponential of the logit as score. Arguments and answer: as `grad_cam`.

    Not to be trusted any more than Grad-CAM: it covers more of an object, but against faithfulness
    tests it is not better.
    """

    def weigh(maps, slopes, places):
        squares = ops.square(slopes)
        below = 2 * squares + ops.sum(maps, axis=places, keepdims=True) * squares * slopes
        shares = ops.where(below != 0, squares / ops.where(below != 0, below, 1.0), 0.0)
        weights = ops.sum(shares * ops.relu(slopes), axis=places, keepdims=True)
        return ops.sum(weights * maps, axis=-1)

    return _cam(weigh, model, images, classes, layer, batch_size)


def layer_cam(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Return Layer-CAM (Jiang et al. 2021): each place by its own positive gradient.

    That works for early layers too, whose maps are fine. Arguments and answer: as `grad_cam`.

    Not to be trusted for what speaks against a class: negative gradients are dropped. On early
    layers it follows edges, as gradients do.
    """

    def weigh(maps, slopes, places):
        return ops.sum(ops.relu(slopes) * maps, axis=-1)

    return _cam(weigh, model, images, classes, layer, batch_size)


def chosen_layer(model: keras.Model, batch: np.ndarray, layer: str | None) -> tuple[str, tuple]:
    """Return the path and map shape of a layer: the one named, or the last that is no pooling."""
    shapes = hooks.map_shapes(model, batch)
    if layer is not None:
        path = hooks.find_layer(model, layer, list(shapes))
        return path, shapes[path]
    layers = hooks.innermost_layers(model)
    fine = [path for path in shapes if not isinstance(layers[path], COARSE)] or list(shapes)
    return fine[-1], shapes[fine[-1]]


def resized(maps, size: tuple[int, ...]):
    """Return maps (samples, *places) drawn over an image's size, bilinearly, as a tensor."""
    picture = maps[..., None] if len(maps.shape) == 3 else maps[..., None, None]
    target = size if len(size) == 2 else (*size, 1)
    drawn = ops.image.resize(picture, target, interpolation="bilinear", data_format="channels_last")
    return drawn[..., 0] if len(size) == 2 else drawn[..., 0, 0]


def normalised(maps):
    """Return maps without what is negative, each divided by its largest value, as a tensor."""
    maps = ops.relu(maps)
    largest = ops.max(maps, axis=tuple(range(1, len(maps.shape))), keepdims=True)
    return maps / ops.where(largest > 0, largest, 1.0)


def cam_of(weigh: Callable, model: keras.Model, path: str, shape: tuple[int, ...]) -> Callable:
    """Return a function of tensors, from images and classes to their maps (samples, *places).

    weigh: from maps, slopes and their axes of places to one map a sample. path, shape: of the layer
    and its maps, as `chosen_layer` returns them.
    """
    hooked_layer = hooks.innermost_layers(model)[path]
    places = tuple(range(1, len(shape)))

    def cam(batch, classes):
        def scores(change):
            kept = []

            def add(call, *arguments, **options):
                maps = call(*arguments, **options)
                maps += ops.cast(change, maps.dtype)
                kept.append(ops.cast(maps, change.dtype))
                return maps

            with hooks.hooked({hooked_layer: add}):
                return class_scores(model, batch, classes), kept[-1]

        # Adding a change of zero to the maps gives their gradient, wherever they are nested.
        change = ops.zeros((batch.shape[0], *shape))
        (_, maps), slopes = value_and_gradient(scores, change)
        return normalised(resized(ops.relu(weigh(maps, slopes, places)), batch.shape[1:-1]))

    return cam


def _cam(weigh: Callable, model, images, classes, layer, batch_size) -> np.ndarray:
    batch, _ = as_batch(model, images)
    path, shape = chosen_layer(model, batch, layer)
    target = Target.of_one_pass(model, images, classes, batch_size)
    cam = cam_of(weigh, model, path, shape)
    return target.shaped(in_compiled_batches(cam, batch_size, target.batch, target.classes))
