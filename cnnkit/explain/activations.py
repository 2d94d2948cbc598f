"""Filters as pictures, what they answer to an image, and those that are dead or twice there."""

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain.batches import in_compiled_batches
from cnnkit.explain.inputs import as_batch
from cnnkit.keras_graph import hooks


def feature_maps(
    model: keras.Model, images: np.ndarray, layers: list[str] | None = None, *, batch_size: int = 32
) -> dict[str, np.ndarray]:
    """Return what layers answer to images: (samples, height, width, filters) float32, by path.

    images: one image, whose maps come without the axis of samples, or a batch. layers: names or
    paths; without them, the last one of every resolution, which is one a stage.
    """
    batch, single = as_batch(model, images)
    shapes = hooks.map_shapes(model, batch)
    if layers is None:
        paths = last_of_each_size(shapes)
    else:
        paths = [hooks.find_layer(model, name, list(shapes)) for name in layers]
    maps = in_compiled_batches(hooks.reader(model, paths), batch_size, batch)
    return {path: kept[0] if single else kept for path, kept in zip(paths, maps, strict=True)}


def last_of_each_size(shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """Return the last layer of every resolution, of what `hooks.map_shapes` returns.

    >>> last_of_each_size({"conv1": (8, 8, 4), "conv2": (8, 8, 6), "pool": (4, 4, 6)})
    ['conv2', 'pool']
    """
    return list({shape[:-1]: path for path, shape in shapes.items()}.values())


def embeddings(model: keras.Model, images: np.ndarray, *, batch_size: int = 32) -> np.ndarray:
    """Return what the last dense layer reads of each image: (samples, features) float32.

    Images that are alike for the network lie near each other there. Raises SettingError for a model
    without a dense layer.
    """
    batch, single = as_batch(model, images)
    calls = hooks.trace(model, batch[:1])
    dense = [call for call in calls if isinstance(call.layer, keras.layers.Dense)]
    if not dense or not dense[-1].reads:
        raise SettingError(
            f"Model {model.name!r} has no dense layer after others, whose inputs are embeddings."
        )
    source = calls[dense[-1].reads[0]].path
    (found,) = in_compiled_batches(hooks.reader(model, [source]), batch_size, batch)
    found = found.reshape(len(batch), -1)
    return found[0] if single else found


def filters(model: keras.Model, layer: str | None = None) -> np.ndarray:
    """Return a convolution's filters as pictures: (filters, height, width, channels), 0 to 1.

    Each is scaled by its own largest weight, and a weight of 0 is 0.5. Filters on an RGB image have
    three channels and are RGB pictures. layer: a name or path; without one, the first convolution.
    """
    convolutions = [
        path for path, found in hooks.innermost_layers(model).items() if _kernel(found) is not None
    ]
    if not convolutions:
        raise SettingError(f"Model {model.name!r} has no convolution, whose filters are pictures.")
    path = convolutions[0] if layer is None else hooks.find_layer(model, layer, convolutions)
    kernel = _kernel(hooks.innermost_layers(model)[path])
    largest = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True)
    return (0.5 + kernel / np.maximum(2 * largest, 1e-12)).astype("float32")


def dead_filters(
    model: keras.Model, images: np.ndarray, layer: str, *, batch_size: int = 32
) -> np.ndarray:
    """Return the filters of a layer that answer none of the images, as indices.

    A filter answers where its map is above 0 anywhere: after a ReLU, or where a ReLU follows. Give
    as many images as the word "dead" is worth.
    """
    batch, _ = as_batch(model, images)
    path = hooks.find_layer(model, layer, list(hooks.map_shapes(model, batch)))
    read = hooks.reader(model, [path])

    def highest(part):
        (maps,) = read(part)
        return ops.max(maps, axis=tuple(range(1, len(maps.shape) - 1)))

    answers = in_compiled_batches(highest, batch_size, batch)
    return np.flatnonzero(answers.max(axis=0) <= 0)


def duplicated_filters(
    model: keras.Model, layer: str, similarity: float = 0.98
) -> list[tuple[int, int, float]]:
    """Return pairs of filters that do nearly the same: (one, other, cosine), most similar first.

    The cosine is that between their kernels, 1 for the same up to a factor above 0, which the next
    layer can undo. layer: a convolution or dense layer. similarity: the smallest cosine reported.
    """
    layers = hooks.innermost_layers(model)
    weighing = [path for path, found in layers.items() if _weights(found) is not None]
    kernel = _weights(layers[hooks.find_layer(model, layer, weighing)])
    unit = kernel / np.maximum(np.linalg.norm(kernel, axis=1, keepdims=True), 1e-12)
    cosines = unit @ unit.T
    pairs = [
        (int(one), int(other), float(cosines[one, other]))
        for one, other in zip(*np.nonzero(np.triu(cosines >= similarity, k=1)), strict=True)
    ]
    return sorted(pairs, key=lambda pair: -pair[2])


def _kernel(layer) -> np.ndarray | None:
    """Return (filters, height, width, channels), None for what is no convolution of images."""
    if isinstance(layer, keras.layers.Conv2D):
        return ops.convert_to_numpy(layer.kernel).transpose(3, 0, 1, 2)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel = ops.convert_to_numpy(layer.kernel)
        return kernel.reshape(*kernel.shape[:2], -1).transpose(2, 0, 1)[..., None]
    return None


def _weights(layer) -> np.ndarray | None:
    """Return (filters, weights) of a convolution or dense layer, None for others."""
    if isinstance(layer, (keras.layers.Conv1D, keras.layers.Dense)):
        kernel = ops.convert_to_numpy(layer.kernel)
        return kernel.reshape(-1, kernel.shape[-1]).T
    kernel = _kernel(layer)
    return None if kernel is None else kernel.reshape(len(kernel), -1)
