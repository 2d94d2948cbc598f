"""The patches of images, or parts of sequences, that each filter responds to most.

Source: Zeiler, Fergus 2013, Figure 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain.inputs import as_batch
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.models.anatomy import anatomy
from cnnkit.models.receptive_field import Field


@dataclass(frozen=True)
class TopPatches:
    """The largest outputs of each filter of a layer, at most one for each image, largest first.

    Attributes:
        layer: Path of the layer.
        values: The outputs, `(filters, count)`, float32.
        images: Indices of the images, `(filters, count)`, int64.
        positions: `(row, column)` in the filter's map, `(filters, count, 2)`, int64; for sequences
            `(step,)`.
        receptive_field: What one value of the map sees of the image. None if unknown; patches are
            then the full images.
    """

    layer: str
    values: np.ndarray
    images: np.ndarray
    positions: np.ndarray
    receptive_field: Field | None

    def boxes(self, filter_index: int, image_size: tuple[int, int]) -> np.ndarray:
        """Return where a filter's patches lie in their images.

        Args:
            filter_index: The filter.
            image_size: `(height, width)` of the images, in pixels, or `(steps,)` of sequences; boxes
                end at the border.

        Returns:
            `(count, 4)`, int64: top, left, bottom, right. Bottom and right are exclusive. For
            sequences `(count, 2)`: first step, and the one after the last.
        """
        field = self.receptive_field
        boxes = []
        for position in self.positions[filter_index]:
            if field is None or field.whole:
                ends = [(0, size - 1) for size in image_size]
            else:
                ends = list(field.of_unit(*position.tolist()))
            first = [max(start, 0) for start, _ in ends]
            after = [min(end + 1, n) for (_, end), n in zip(ends, image_size, strict=True)]
            boxes.append((*first, *after))
        return np.array(boxes)

    def patches(self, images, filter_index: int) -> list[np.ndarray]:
        """Cut out a filter's patches.

        Args:
            images: The images that were searched.
            filter_index: The filter.

        Returns:
            One array `(height, width, channels)` for each patch; smaller at a border. For sequences
            `(steps, channels)`, or `(steps,)` of numbers of words.
        """
        searched = images[self.images[filter_index]]
        axes = self.positions.shape[-1]
        boxes = self.boxes(filter_index, searched.shape[1 : 1 + axes])
        return [
            image[tuple(map(slice, box[:axes], box[axes:]))]
            for image, box in zip(searched, boxes, strict=True)
        ]


def top_patches(
    model: keras.Model,
    images,
    layer: str,
    *,
    count: int = 9,
    scale: float = 1.0,
    batch_size: int = 32,
) -> TopPatches:
    """Find the patches that each filter of a layer responds to most, in one pass over the images.

    Memory holds one batch and the best places only.

    Args:
        model: Any Keras model of images or sequences.
        images: `(samples, height, width, channels)`, or any object with a length and
            `images[indices]`, such as the inputs of a dataset's split. Of sequences `(samples, steps,
            channels)`, or `(samples, steps)` as of texts.
        layer: Name or path of a layer with feature maps.
        count: Patches for each filter; fewer where there are fewer images.
        scale: Factor from stored values to what the model takes, as a dataset's `scale`.
        batch_size: Images in one forward pass.

    Returns:
        The largest outputs; `explain.figures.top_patches` draws the patches of images.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The layer has no feature maps, or there are no images.
    """
    (found,) = top_patches_of_layers(
        model, images, [layer], count=count, scale=scale, batch_size=batch_size
    ).values()
    return found


def top_patches_of_layers(
    model: keras.Model,
    images,
    layers: Sequence[str],
    *,
    count: int = 9,
    scale: float = 1.0,
    batch_size: int = 32,
) -> dict[str, TopPatches]:
    """Find the patches that the filters of several layers respond to most, in one pass for all.

    Args:
        model: As `top_patches` takes it.
        images: As `top_patches` takes them.
        layers: Names or paths of layers with feature maps.
        count: As `top_patches` takes it.
        scale: As `top_patches` takes it.
        batch_size: Images in one forward pass.

    Returns:
        What `top_patches` returns, by path of the layer.

    Raises:
        UnknownNameError: The model has no layer of one of these names.
        SettingError: A layer has no feature maps, or there are no images.
    """
    samples = len(images)
    if not samples:
        raise SettingError("There are no images to search; give at least one.")
    first, _ = as_batch(model, np.asarray(images[np.arange(1)]) * scale)
    shapes = hooks.feature_map_shapes(model, first)
    paths = [hooks.find_layer(model, layer, list(shapes)) for layer in layers]
    best: dict[str, tuple] = {path: _nothing(shapes[path][-1]) for path in paths}
    size = min(batch_size, samples)
    search = compile_function(_largest_values(model, paths), repeated=samples > size)
    for start in range(0, samples, size):
        # One batch size, one compilation: the last batch repeats the last image.
        rows = np.minimum(np.arange(start, start + size), samples - 1)
        batch, _ = as_batch(model, np.asarray(images[rows]) * scale)
        used = min(size, samples - start)
        largest = search(ops.convert_to_tensor(batch))
        for path, pair in zip(paths, largest, strict=True):
            values, places = (as_numpy(array)[:used] for array in pair)
            best[path] = _better(best[path], values, places, rows[:used], count)
    return {
        path: _found(path, best[path], shapes[path][:-1], _receptive_field(model, path))
        for path in paths
    }


def _nothing(filters: int) -> tuple[np.ndarray, ...]:
    """Return the values, places and image numbers of no image."""
    return tuple(np.empty((0, filters), kind) for kind in ("float32", "int64", "int64"))


def _better(best: tuple, values, places, rows, count: int) -> tuple[np.ndarray, ...]:
    """Return the best of those so far and of a batch, best first."""
    numbers = np.repeat(rows[:, None], values.shape[-1], axis=1)
    columns = zip(best, (values, places, numbers), strict=True)
    candidates = [np.concatenate(pair) for pair in columns]
    order = np.argsort(-candidates[0], axis=0, kind="stable")[:count]
    return tuple(np.take_along_axis(array, order, axis=0) for array in candidates)


def _found(path: str, best: tuple, size: tuple[int, ...], field: Field | None) -> TopPatches:
    values, places, numbers = (array.T for array in best)
    return TopPatches(
        layer=path,
        values=values,
        images=numbers,
        positions=np.stack(np.unravel_index(places, size), axis=-1),
        receptive_field=field,
    )


def _largest_values(model, paths):
    """Return a function from a batch to each filter's (largest value, place in the map), by layer."""
    extract = hooks.feature_extractor(model, paths)

    def largest_values(batch):
        found = []
        for maps in extract(batch):
            flat = ops.reshape(maps, (maps.shape[0], -1, maps.shape[-1]))
            found.append((ops.max(flat, axis=1), ops.argmax(flat, axis=1)))
        return found

    return largest_values


def _receptive_field(model, path) -> Field | None:
    try:
        return anatomy(model).row(path).field
    except (AttributeError, KeyError):  # a subclassed model has no graph to walk
        return None
