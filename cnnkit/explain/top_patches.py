"""The parts of a data set's images that a filter answers most (Zeiler, Fergus 2013, Figure 2)."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain.inputs import as_batch
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.models.anatomy import anatomy
from cnnkit.models.receptive_field import Field


@dataclass(frozen=True)
class TopPatches:
    """The highest answers of every filter of a layer, at most one an image, highest first.

    values: (filters, count) float32. images: which image, (filters, count) int64. positions: where
        in the map, (filters, count, 2) int64. field: what one value of the map sees of the image;
        None where that is not known, and then it counts as all of it.
    """

    layer: str
    values: np.ndarray
    images: np.ndarray
    positions: np.ndarray
    field: Field | None

    def boxes(self, filter: int, size: tuple[int, int]) -> np.ndarray:
        """Return (top, left, bottom, right) of a filter's patches, cut off at images of that size.

        Bottom and right are the first row and column that no longer belong to it.
        """
        whole = self.field is None or self.field.whole
        boxes = []
        for position in self.positions[filter]:
            ends = [(0, n - 1) for n in size] if whole else self.field.of_unit(*position.tolist())
            (top, bottom), (left, right) = ends
            boxes.append(
                (max(top, 0), max(left, 0), min(bottom + 1, size[0]), min(right + 1, size[1]))
            )
        return np.array(boxes)

    def patches(self, images, filter: int) -> list[np.ndarray]:
        """Return a filter's patches, cut from the images that were searched; smaller at a border."""
        found = images[self.images[filter]]
        boxes = self.boxes(filter, found.shape[1:3])
        return [
            image[top:bottom, left:right]
            for image, (top, left, bottom, right) in zip(found, boxes, strict=True)
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
    """Find what each filter of a layer answers most, in one pass over the images.

    images: (samples, height, width, channels), or anything with a length and `images[indices]`, as
    the inputs of a data set's split; only one batch and the best places are in memory. scale: the
    factor from stored values to what the model takes, a data set's `scale`. layer: a name or path.
    count: how many images a filter; fewer where there are fewer images.
    """
    samples = len(images)
    if not samples:
        raise SettingError("There are no images to search; give at least one.")
    first, _ = as_batch(model, np.asarray(images[np.arange(1)]) * scale)
    shapes = {path: s for path, s in hooks.map_shapes(model, first).items() if len(s) == 3}
    path = hooks.find_layer(model, layer, list(shapes))
    _, width, filters = shapes[path]
    best = (np.empty((0, filters), "float32"), np.empty((0, filters), "int64"))
    best_images = np.empty((0, filters), "int64")
    size = min(batch_size, samples)
    search = compile_function(_highest(model, path), repeated=samples > size)
    for start in range(0, samples, size):
        rows = np.minimum(np.arange(start, start + size), samples - 1)
        batch, _ = as_batch(model, np.asarray(images[rows]) * scale)
        kept = min(size, samples - start)
        answers = search(ops.convert_to_tensor(batch))
        values, places = (ops.convert_to_numpy(answer)[:kept] for answer in answers)
        values = np.concatenate([best[0], values])
        places = np.concatenate([best[1], places])
        numbers = np.repeat(rows[:kept, None], filters, axis=1)
        numbers = np.concatenate([best_images, numbers])
        order = np.argsort(-values, axis=0, kind="stable")[:count]
        best = tuple(
            np.take_along_axis(kept_so_far, order, axis=0) for kept_so_far in (values, places)
        )
        best_images = np.take_along_axis(numbers, order, axis=0)
    places = best[1].T
    return TopPatches(
        layer=path,
        values=best[0].T,
        images=best_images.T,
        positions=np.stack([places // width, places % width], axis=-1),
        field=_field(model, path),
    )


def _highest(model, path):
    """Return a function of a batch to (highest value, its place in the flattened map) a filter."""
    read = hooks.reader(model, [path])

    def highest(batch):
        (maps,) = read(batch)
        flat = ops.reshape(maps, (maps.shape[0], -1, maps.shape[-1]))
        return ops.max(flat, axis=1), ops.argmax(flat, axis=1)

    return highest


def _field(model, path) -> Field | None:
    try:
        return anatomy(model).row(path).field
    except (AttributeError, KeyError):  # a subclassed model has no graph to read
        return None
