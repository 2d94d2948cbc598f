"""Feature maps, embeddings and filters, and filters that are dead or duplicated."""

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain.batches import in_compiled_batches
from cnnkit.explain.inputs import as_batch
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.arrays import as_numpy


def feature_maps(
    model: keras.Model, images: np.ndarray, layers: list[str] | None = None, *, batch_size: int = 32
) -> dict[str, np.ndarray]:
    """Return the outputs of layers for images.

    Args:
        model: Any Keras model of images or sequences.
        images: One image or a batch, as the model takes them.
        layers: Names or paths. None takes the last layer of every resolution: one for each stage.
        batch_size: Images in one forward pass.

    Returns:
        `(samples, height, width, filters)`, float32, by the layer's path; without the first axis for
        a single image.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: A layer has no feature maps, or the images do not fit the model.
    """
    batch, is_single = as_batch(model, images)
    shapes = hooks.feature_map_shapes(model, batch)
    if layers is None:
        paths = last_of_each_resolution(shapes)
    else:
        paths = [hooks.find_layer(model, name, list(shapes)) for name in layers]
    maps = in_compiled_batches(hooks.feature_extractor(model, paths), batch_size, batch)
    return {
        path: values[0] if is_single else values for path, values in zip(paths, maps, strict=True)
    }


def last_of_each_resolution(shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """Return the last layer of every resolution.

    Args:
        shapes: Shapes of feature maps by path, as `hooks.feature_map_shapes` returns them.

    Returns:
        The paths, from the highest resolution to the lowest for most networks.

    >>> last_of_each_resolution({"conv1": (8, 8, 4), "conv2": (8, 8, 6), "pool": (4, 4, 6)})
    ['conv2', 'pool']
    """
    return list({shape[:-1]: path for path, shape in shapes.items()}.values())


def embeddings(model: keras.Model, images: np.ndarray, *, batch_size: int = 32) -> np.ndarray:
    """Return the inputs of the last dense layer for each image.

    Images that the network finds alike have embeddings near each other.

    Args:
        model: A Keras model with a dense layer.
        images: One image or a batch, as the model takes them.
        batch_size: Images in one forward pass.

    Returns:
        `(samples, features)`, float32; without the first axis for a single image.

    Raises:
        SettingError: The model has no dense layer, or the images do not fit the model.
    """
    batch, is_single = as_batch(model, images)
    calls = hooks.trace_calls(model, batch[:1])
    dense = [call for call in calls if isinstance(call.layer, keras.layers.Dense)]
    if not dense or not dense[-1].reads:
        raise SettingError(
            f"Embeddings are the inputs of the last dense layer; model {model.name!r} has none."
        )
    source = calls[dense[-1].reads[0]].path
    (features,) = in_compiled_batches(hooks.feature_extractor(model, [source]), batch_size, batch)
    features = features.reshape(len(batch), -1)
    return features[0] if is_single else features


def filters(model: keras.Model, layer: str | None = None) -> np.ndarray:
    """Return a convolution's filters as images.

    Each filter is scaled by its own largest weight, and a weight of 0 becomes 0.5. Filters of three
    channels are RGB images.

    Args:
        model: Any Keras model with a 2D convolution.
        layer: Name or path; None takes the first convolution.

    Returns:
        `(filters, height, width, channels)`, float32, in [0, 1].

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The layer is no 2D convolution, or the model has none.
    """
    convolutions = {
        path: kernels
        for path, each in hooks.innermost_layers(model).items()
        if (kernels := _image_kernels(each)) is not None
    }
    if not convolutions:
        raise SettingError(
            f"Model {model.name!r} has no 2D convolution, so there are no filters to show."
        )
    paths = list(convolutions)
    kernel = convolutions[paths[0] if layer is None else hooks.find_layer(model, layer, paths)]
    largest = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    return (0.5 + kernel / np.maximum(2 * largest, 1e-12)).astype("float32")


def dead_filters(
    model: keras.Model, images: np.ndarray, layer: str, *, batch_size: int = 32
) -> np.ndarray:
    """Return the filters of a layer whose output is never above 0.

    The layer should end in a ReLU or be followed by one. Give many images: a filter that is silent on
    a few may still be alive.

    Args:
        model: Any Keras model of images.
        images: A batch, as the model takes them.
        layer: Name or path of a layer with feature maps.
        batch_size: Images in one forward pass.

    Returns:
        Filter indices, int64.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The layer has no feature maps, or the images do not fit the model.
    """
    batch, _ = as_batch(model, images)
    path = hooks.find_layer(model, layer, list(hooks.feature_map_shapes(model, batch)))
    extract = hooks.feature_extractor(model, [path])

    def largest_values(batch):
        (maps,) = extract(batch)
        return ops.max(maps, axis=tuple(range(1, len(maps.shape) - 1)))

    largest = in_compiled_batches(largest_values, batch_size, batch)
    return np.flatnonzero(largest.max(axis=0) <= 0)


def duplicated_filters(
    model: keras.Model, layer: str, min_similarity: float = 0.98
) -> list[tuple[int, int, float]]:
    """Return pairs of filters whose kernels are nearly the same up to a positive factor.

    The next layer can undo such a factor, so the two filters do the same work.

    Args:
        model: Any Keras model.
        layer: Name or path of a convolution or dense layer.
        min_similarity: Smallest cosine between two kernels that is reported, up to 1.

    Returns:
        `(filter, other filter, cosine)` for each pair, most similar first.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The layer has no kernels.
    """
    with_kernels = {
        path: kernels
        for path, each in hooks.innermost_layers(model).items()
        if (kernels := _flat_kernels(each)) is not None
    }
    kernel = with_kernels[hooks.find_layer(model, layer, list(with_kernels))]
    unit = kernel / np.maximum(np.linalg.norm(kernel, axis=1, keepdims=True), 1e-12)
    cosines = unit @ unit.T
    pairs = [
        (int(one), int(other), float(cosines[one, other]))
        for one, other in zip(*np.nonzero(np.triu(cosines >= min_similarity, k=1)), strict=True)
    ]
    return sorted(pairs, key=lambda pair: -pair[2])


def _image_kernels(layer) -> np.ndarray | None:
    """Return `(filters, height, width, channels)`; None unless it is a 2D convolution."""
    if isinstance(layer, keras.layers.Conv2D):
        return as_numpy(layer.kernel).transpose(3, 0, 1, 2)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = as_numpy(layer.kernel)
        return kernel.reshape(*kernel.shape[:2], -1).transpose(2, 0, 1)[..., None]
    return None


def _flat_kernels(layer) -> np.ndarray | None:
    """Return `(filters, weights)` of a convolution or dense layer; None for other layers."""
    if isinstance(layer, (keras.layers.Conv1D, keras.layers.Dense)):
        kernel = as_numpy(layer.kernel)
        return kernel.reshape(-1, kernel.shape[-1]).T
    kernels = _image_kernels(layer)
    return None if kernels is None else kernels.reshape(len(kernels), -1)
