"""Attribution without gradients: change the image in many ways, and see what the score does."""

import itertools
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain.attribution.cams import chosen_layer, normalised, resized
from cnnkit.explain.attribution.target import Target
from cnnkit.explain.batches import in_compiled_batches
from cnnkit.explain.outputs import probabilities
from cnnkit.keras_graph import hooks
from cnnkit.random_streams import Purpose, random_generator


def score_cam(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    layer: str | None = None,
    channels: int | None = None,
    baseline: float = 0.0,
    batch_size: int = 32,
) -> np.ndarray:
    """Return Score-CAM (Wang et al. 2020), (samples, height, width) float32, 0 to 1.

    Each feature map, drawn over the image and scaled to 0 to 1, masks it, and counts with the
    probability that is left minus that of the baseline (definition 2). channels: take only so many
    maps of each image, those that vary most, for speed; None takes all. baseline: what a masked
    value becomes. Other arguments and the answer: as `grad_cam`.

    Not to be trusted on images unlike the training data, and masked images are such; it costs a
    forward pass a map.
    """
    target = Target.of(model, images, classes, batch_size)
    path, _ = chosen_layer(model, target.batch, layer)
    (maps,) = in_compiled_batches(hooks.reader(model, [path]), batch_size, target.batch)
    count = maps.shape[-1] if channels is None else min(channels, maps.shape[-1])
    variance = maps.var(axis=tuple(range(1, maps.ndim - 1)))
    order = np.argsort(-variance, axis=1, kind="stable")[:, :count]
    maps = np.take_along_axis(maps, order.reshape(len(order), *[1] * (maps.ndim - 2), count), -1)
    size = target.batch.shape[1:-1]

    def masked(rows, ways):
        masks = ops.convert_to_numpy(resized(ops.convert_to_tensor(maps[rows, ..., ways]), size))
        axes = tuple(range(1, masks.ndim))
        lowest = masks.min(axis=axes, keepdims=True)
        masks = (masks - lowest) / np.maximum(np.ptp(masks, axis=axes, keepdims=True), 1e-12)
        return baseline + (target.batch[rows] - baseline) * masks[..., None]

    scores = _scores(model, target, count, masked, batch_size)
    nothing = probabilities(model, np.full_like(target.batch[:1], baseline))[0, target.classes]
    gains = (scores - nothing[:, None]).reshape(len(scores), *[1] * len(size), count)
    cams = ops.convert_to_tensor((maps * gains).sum(axis=-1).astype("float32"))
    return target.shaped(ops.convert_to_numpy(normalised(resized(ops.relu(cams), size))))


def occlusion(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    size: int | None = None,
    stride: int | None = None,
    value: float | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Return how much probability a class loses where a square covers the image, signed.

    (samples, height, width) float32: of each pixel, the mean loss over the squares that cover it
    (Zeiler, Fergus 2013, section 4.2). size: of the square, without one an eighth of the image's
    shorter side. stride: from one square to the next, without one half a square; the last square of
    a row ends at the border. value: what the square shows; without one, each image's own mean.
    Images and classes: as `grad_cam`.

    Not to be trusted for what two squares hide together: each part is covered alone, so that a
    feature that is there twice seems not to matter.
    """
    target = Target.of(model, images, classes, batch_size)
    places = target.batch.shape[1:-1]
    size = size or max(1, min(places) // 8)
    stride = stride or max(1, size // 2)
    if size > min(places):
        raise SettingError(f"A square of {size} pixels does not fit on images of {places}.")
    starts = [sorted({*range(0, n - size + 1, stride), n - size}) for n in places]
    corners = list(itertools.product(*starts))

    def covered(rows, ways):
        changed = target.batch[rows].copy()
        for index, (row, way) in enumerate(zip(rows, ways, strict=True)):
            square = _square(corners[way], size)
            changed[index][square] = target.batch[row].mean() if value is None else value
        return changed

    scores = _scores(model, target, len(corners), covered, batch_size)
    losses = target.probabilities[:, None] - scores
    total, times = np.zeros((len(losses), *places)), np.zeros(places)
    for corner, loss in zip(corners, losses.T, strict=True):
        square = _square(corner, size)
        total[(slice(None), *square)] += loss.reshape(-1, *[1] * len(places))
        times[square] += 1
    return target.shaped(total / times)


def rise(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    masks: int = 1000,
    cells: int = 7,
    kept: float = 0.5,
    baseline: float = 0.0,
    seed: int = 0,
    batch_size: int = 32,
) -> np.ndarray:
    """Return RISE (Petsiuk et al. 2018): the mean probability of the masks that keep a pixel.

    (samples, height, width) float32, about the probability of a class given that the pixel is seen
    (equation 6). masks: how many; 4,000 to 8,000 in the paper (section 4.1). cells: of the random
    grid along each side, 7 in the paper. kept: the chance of a cell to be seen, 0.5 in the paper.
    baseline: what is shown elsewhere. seed: of the masks, which are the same for all images. Images
    and classes: as `grad_cam`.

    Not to be trusted for small differences: the map is an estimate, and two seeds show how noisy. A
    mask's blurred blobs are unlike any training image.
    """
    target = Target.of(model, images, classes, batch_size)
    places = target.batch.shape[1:-1]
    random = random_generator(seed, Purpose.OCCLUSION_MASKS)
    grids = (random.random((masks, *[cells] * len(places))) < kept).astype("float32")
    cell = [-(-n // cells) for n in places]
    shifts = random.integers(0, cell, (masks, len(places)))
    total = np.zeros(target.batch.shape[:-1])

    for start in range(0, masks, batch_size):
        drawn = _drawn(grids[start : start + batch_size], shifts[start:], places, cell)

        def masked(rows, ways, drawn=drawn):
            return baseline + (target.batch[rows] - baseline) * drawn[ways][..., None]

        scores = _scores(model, target, len(drawn), masked, batch_size)
        total += np.tensordot(scores, drawn, axes=1)
    return target.shaped(total / (masks * kept))


def _drawn(grids, shifts, places, cell):
    """Return grids drawn one cell larger than the image, bilinearly, each cut out at its shift."""
    larger = tuple((grids.shape[1] + 1) * n for n in cell)
    whole = ops.convert_to_numpy(resized(ops.convert_to_tensor(grids), larger))
    return np.stack(
        [
            mask[tuple(slice(first, first + n) for first, n in zip(shift, places, strict=True))]
            for mask, shift in zip(whole, shifts, strict=False)
        ]
    )


def _square(corner, size) -> tuple[slice, ...]:
    return tuple(slice(start, start + size) for start in corner)


def _scores(model, target: Target, ways: int, changed: Callable, batch_size) -> np.ndarray:
    """Return the probability of each image's class for each way to change it, (samples, ways).

    changed: from image numbers and way numbers, (batch,) each, to changed images. Only one batch of
    them exists at a time.
    """
    pairs = np.stack(np.divmod(np.arange(len(target.batch) * ways), ways), axis=-1)
    scores = np.empty(len(pairs), "float32")
    for start in range(0, len(pairs), batch_size):
        rows, ways_now = pairs[start : start + batch_size].T
        batch = changed(rows, ways_now).astype("float32")
        missing = min(batch_size, len(pairs)) - len(batch)  # one batch shape, one compilation
        batch = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
        answers = probabilities(model, batch, len(batch))[: len(rows)]
        scores[start : start + len(rows)] = answers[np.arange(len(rows)), target.classes[rows]]
    return scores.reshape(len(target.batch), ways)
