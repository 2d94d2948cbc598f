"""Class activation maps: where in its feature maps a network finds a class, from gradients."""

from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from cnnkit.explain.attribution.target import Target, class_scores, places_of
from cnnkit.explain.batches import in_compiled_batches
from cnnkit.explain.inputs import as_batch
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.gradients import value_and_gradient

NOT_TARGETS = (
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
    """Compute Grad-CAM (Selvaraju et al. 2017).

    Each feature map is weighted by the mean of its gradient (equation 1), and negative sums are dropped
    (equation 2). The result is resized to the image and divided by its largest value.

    Do not trust its outlines: a map shows nothing finer than one place of the feature map. Mean
    gradients can also point to places that did not raise the score.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted classes.
        layer: Name or path of a layer with feature maps, also inside a nested backbone. None takes
            the last one that is no pooling layer.
        batch_size: Images in one forward pass.

    Returns:
        `(samples, height, width)`, float32, in [0, 1]; for sequences `(samples, steps)`. Without the
        first axis for a single image.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The model or layer has no feature maps, or the images or classes do not fit.
    """
    return _cam(grad_cam_weighting, model, images, classes, layer, batch_size)


def grad_cam_weighting(maps, gradients, places):
    """Add up the maps, each times its mean gradient: Grad-CAM's weighting for `cam_function`.

    Args:
        maps: Feature maps, `(samples, *places, filters)`, a tensor.
        gradients: The gradient at each value of the maps.
        places: The axes of places.

    Returns:
        A tensor `(samples, *places)`.
    """
    return ops.sum(ops.mean(gradients, axis=places, keepdims=True) * maps, axis=-1)


def grad_cam_plus_plus(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Compute Grad-CAM++ (Chattopadhay et al. 2018), made for several objects of one class.

    Only positive gradients count. Each place has its own weight (equation 19) for the exponential of
    the logit as score: g^2 / (2 g^2 + sum of the map * g^3).

    Do not trust it more than Grad-CAM: it covers more of an object, but does no better in tests of
    faithfulness.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted classes.
        layer: Name or path of a layer with feature maps, also inside a nested backbone. None takes
            the last one that is no pooling layer.
        batch_size: Images in one forward pass.

    Returns:
        `(samples, height, width)`, float32, in [0, 1]; for sequences `(samples, steps)`. Without the
        first axis for a single image.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The model or layer has no feature maps, or the images or classes do not fit.
    """

    def weighting(maps, gradients, places):
        squares = ops.square(gradients)
        below = 2 * squares + ops.sum(maps, axis=places, keepdims=True) * squares * gradients
        shares = ops.where(below != 0, squares / ops.where(below != 0, below, 1.0), 0.0)
        weights = ops.sum(shares * ops.relu(gradients), axis=places, keepdims=True)
        return ops.sum(weights * maps, axis=-1)

    return _cam(weighting, model, images, classes, layer, batch_size)


def layer_cam(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    layer: str | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Compute Layer-CAM (Jiang et al. 2021): each place is weighted by its own positive gradient.

    This works for early layers too, whose maps have a high resolution.

    Do not trust it to show what speaks against a class: negative gradients are dropped. On early
    layers it follows edges, as gradients do.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted classes.
        layer: Name or path of a layer with feature maps, also inside a nested backbone. None takes
            the last one that is no pooling layer.
        batch_size: Images in one forward pass.

    Returns:
        `(samples, height, width)`, float32, in [0, 1]; for sequences `(samples, steps)`. Without the
        first axis for a single image.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The model or layer has no feature maps, or the images or classes do not fit.
    """

    def weighting(maps, gradients, places):
        return ops.sum(ops.relu(gradients) * maps, axis=-1)

    return _cam(weighting, model, images, classes, layer, batch_size)


def target_layer(model: keras.Model, batch: np.ndarray, layer: str | None) -> tuple[str, tuple]:
    """Return the layer whose feature maps a class activation map is made of.

    Args:
        model: A Keras classifier.
        batch: What the model takes, with a batch axis.
        layer: Name or path; None takes the last layer that is no pooling layer.

    Returns:
        The layer's path, and the shape of its maps without the batch axis.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The model or layer has no feature maps.
    """
    shapes = hooks.feature_map_shapes(model, batch)
    if layer is not None:
        path = hooks.find_layer(model, layer, list(shapes))
        return path, shapes[path]
    layers = hooks.innermost_layers(model)
    candidates = [path for path in shapes if not isinstance(layers[path], NOT_TARGETS)] or list(
        shapes
    )
    return candidates[-1], shapes[candidates[-1]]


def resize_maps(maps, size: tuple[int, ...]):
    """Resize maps to the size of an image, bilinearly.

    Args:
        maps: `(samples, *places)`, a tensor.
        size: `(height, width)`, or `(steps,)` for sequences.

    Returns:
        A tensor `(samples, *size)`.
    """
    picture = maps[..., None] if len(maps.shape) == 3 else maps[..., None, None]
    target = size if len(size) == 2 else (*size, 1)
    drawn = ops.image.resize(picture, target, interpolation="bilinear", data_format="channels_last")
    return drawn[..., 0] if len(size) == 2 else drawn[..., 0, 0]


def normalise_maps(maps):
    """Drop negative values, and divide each map by its largest value.

    Args:
        maps: `(samples, *places)`, a tensor.

    Returns:
        A tensor of the same shape, in [0, 1].
    """
    maps = ops.relu(maps)
    largest = ops.max(maps, axis=tuple(range(1, len(maps.shape))), keepdims=True)
    return maps / ops.where(largest > 0, largest, 1.0)


def cam_function(
    weighting: Callable, model: keras.Model, path: str, shape: tuple[int, ...]
) -> Callable:
    """Return a function that computes class activation maps; it can be compiled.

    Args:
        weighting: A function of (maps, gradients, axes of places) to one map for each sample, such as
            `grad_cam_weighting`.
        model: A Keras classifier.
        path: Path of the layer, as `target_layer` returns it.
        shape: Shape of the layer's maps, as `target_layer` returns it.

    Returns:
        A function of tensors: images and classes to maps `(samples, height, width)` in [0, 1].
    """
    hooked_layer = hooks.innermost_layers(model)[path]
    places = tuple(range(1, len(shape)))

    def cam(batch, classes):
        def scores(change):
            recorded = []

            def add(call, *arguments, **options):
                maps = call(*arguments, **options)
                maps += ops.cast(change, maps.dtype)
                recorded.append(ops.cast(maps, change.dtype))
                return maps

            with hooks.hooked({hooked_layer: add}):
                return class_scores(model, batch, classes), recorded[-1]

        # Adding a change of zero to the maps gives their gradient, wherever they are nested.
        change = ops.zeros((batch.shape[0], *shape))
        (_, maps), gradients = value_and_gradient(scores, change)
        return normalise_maps(
            resize_maps(ops.relu(weighting(maps, gradients, places)), places_of(batch))
        )

    return cam


def _cam(weighting: Callable, model, images, classes, layer, batch_size) -> np.ndarray:
    batch, _ = as_batch(model, images)
    path, shape = target_layer(model, batch, layer)
    target = Target.create_lazily(model, images, classes, batch_size)
    cam = cam_function(weighting, model, path, shape)
    return target.restore_shape(in_compiled_batches(cam, batch_size, target.batch, target.classes))
