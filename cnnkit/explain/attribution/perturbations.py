"""Attribution without gradients: change the image in many ways, and measure the probability."""

import itertools
from collections.abc import Callable
from typing import cast

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain.attribution.cams import normalise_maps, resize_maps, target_layer
from cnnkit.explain.attribution.target import Target, places_of
from cnnkit.explain.batches import in_compiled_batches
from cnnkit.explain.outputs import predict_probabilities
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.arrays import as_numpy
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
    """Compute Score-CAM (Wang et al. 2020).

    Each feature map is resized to the image, scaled to [0, 1] and used as a mask. Its weight is the
    probability that the masked image keeps, minus that of the baseline (definition 2). This takes a
    forward pass for each map.

    Do not trust it where masked images are unlike the training data: their probabilities may be
    unreliable.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted
        classes.
        layer: Name or path of a layer with feature maps, also inside a nested backbone. None takes
            the last one that is no pooling layer.
        channels: Use only this many maps of each image, those that vary most, for speed. None takes
            all.
        baseline: The value of masked pixels.
        batch_size: Images in one forward pass.

    Returns:
        `(samples, height, width)`, float32, in [0, 1]; for sequences `(samples, steps)`. Without
        the
        first axis for a single image.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The model or layer has no feature maps, or the images or classes do not fit.
    """
    target = Target.create(model, images, classes, batch_size)
    _expect_channels(target, "Score-CAM")
    path, _ = target_layer(model, target.batch, layer)
    (maps,) = in_compiled_batches(hooks.feature_extractor(model, [path]), batch_size, target.batch)
    count = maps.shape[-1] if channels is None else min(channels, maps.shape[-1])
    variance = maps.var(axis=tuple(range(1, maps.ndim - 1)))
    order = np.argsort(-variance, axis=1, kind="stable")[:, :count]
    maps = np.take_along_axis(maps, order.reshape(len(order), *[1] * (maps.ndim - 2), count), -1)
    size = target.batch.shape[1:-1]

    def masked(rows, ways):
        masks = as_numpy(resize_maps(ops.convert_to_tensor(maps[rows, ..., ways]), size))
        axes = tuple(range(1, masks.ndim))
        lowest = masks.min(axis=axes, keepdims=True)
        masks = (masks - lowest) / np.maximum(np.ptp(masks, axis=axes, keepdims=True), 1e-12)
        return baseline + (target.batch[rows] - baseline) * masks[..., None]

    scores = _scores(model, target, count, masked, batch_size)
    of_baseline = predict_probabilities(model, np.full_like(target.batch[:1], baseline))[
        0, target.classes
    ]
    gains = (scores - of_baseline[:, None]).reshape(len(scores), *[1] * len(size), count)
    cams = ops.convert_to_tensor((maps * gains).sum(axis=-1).astype("float32"))
    return target.restore_shape(as_numpy(normalise_maps(resize_maps(ops.relu(cams), size))))


def occlusion(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    patch_size: int | None = None,
    stride: int | None = None,
    baseline: float | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Compute how much probability a class loses where a square covers the image, or a word is covered.

    A pixel's value is the mean loss over the squares that cover it (Zeiler, Fergus 2013, section
    4.2).

    Do not trust it for features that an image has twice: each part is covered alone, so such a
    feature seems not to matter.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted
        classes.
        patch_size: Side of the square, in pixels. None takes an eighth of the image's shorter side.
        stride: Pixels from one square to the next. None takes half a square. The last square of a
        row
            ends at the border.
        baseline: The value of the square. None takes each image's own mean; for texts, 1 stands for
            an unknown word.
        batch_size: Images in one forward pass.

    Returns:
        `(samples, height, width)`, float32, signed; without the first axis for a single image.

    Raises:
        SettingError: The images or classes do not fit the model,
            or the square is larger than the image.
    """
    target = Target.create(model, images, classes, batch_size)
    places = places_of(target.batch)
    patch_size = patch_size or max(1, min(places) // 8)
    stride = stride or max(1, patch_size // 2)
    if patch_size > min(places):
        raise SettingError(f"A square of {patch_size} pixels does not fit on images of {places}.")
    starts = [sorted({*range(0, n - patch_size + 1, stride), n - patch_size}) for n in places]
    corners = list(itertools.product(*starts))

    def covered(rows, ways):
        changed = target.batch[rows].copy()
        for index, (row, way) in enumerate(zip(rows, ways, strict=True)):
            square = _square(corners[way], patch_size)
            changed[index][square] = target.batch[row].mean() if baseline is None else baseline
        return changed

    scores = _scores(model, target, len(corners), covered, batch_size)
    probabilities = cast(np.ndarray, target.probabilities)  # `Target.create` predicts them
    losses = probabilities[:, None] - scores
    total, times = np.zeros((len(losses), *places)), np.zeros(places)
    for corner, loss in zip(corners, losses.T, strict=True):
        square = _square(corner, patch_size)
        total[(slice(None), *square)] += loss.reshape(-1, *[1] * len(places))
        times[square] += 1
    return target.restore_shape(total / times)


def rise(
    model: keras.Model,
    images: np.ndarray,
    classes=None,
    *,
    masks: int = 1000,
    cells: int = 7,
    keep_probability: float = 0.5,
    baseline: float = 0.0,
    seed: int = 0,
    batch_size: int = 32,
) -> np.ndarray:
    """Compute RISE (Petsiuk et al. 2018): the mean probability over random masks that keep a pixel.

    It estimates the probability of the class, given that the pixel is visible (equation 6).

    Do not trust small differences: the map is an estimate, and two seeds show its noise. The
    blurred blobs of a mask are unlike any training
    image.

    Args:
        model: A Keras classifier.
        images: One image or a batch, as the model takes them. Sequences work, too.
        classes: Class indices, one for all images or one for each. None takes the predicted
        classes.
        masks: Number of masks; 4,000 to 8,000 in the paper (section 4.1).
        cells: Cells of the random grid along each side; 7 in the paper.
        keep_probability: Probability that a cell stays visible; 0.5 in the paper.
        baseline: The value of hidden pixels.
        seed: Chooses the masks, which are the same for all images.
        batch_size: Images in one forward pass.

    Returns:
        `(samples, height, width)`, float32; without the first axis for a single image.

    Raises:
        SettingError: The images or classes do not fit the model.
    """
    target = Target.create(model, images, classes, batch_size)
    _expect_channels(target, "RISE")
    places = places_of(target.batch)
    random = random_generator(seed, Purpose.OCCLUSION_MASKS)
    grids = (random.random((masks, *[cells] * len(places))) < keep_probability).astype("float32")
    cell = [-(-n // cells) for n in places]
    shifts = random.integers(0, cell, (masks, len(places)))
    total = np.zeros(target.batch.shape[:-1])

    for start in range(0, masks, batch_size):
        upsampled = _upsample(grids[start : start + batch_size], shifts[start:], places, cell)

        def masked(rows, ways, upsampled=upsampled):
            return baseline + (target.batch[rows] - baseline) * upsampled[ways][..., None]

        scores = _scores(model, target, len(upsampled), masked, batch_size)
        total += np.tensordot(scores, upsampled, axes=1)
    return target.restore_shape(total / (masks * keep_probability))


def _upsample(grids, shifts, places, cell):
    """Resize grids bilinearly to one cell more than the image, and crop them at their shifts."""
    larger = tuple((grids.shape[1] + 1) * n for n in cell)
    upsampled = as_numpy(resize_maps(ops.convert_to_tensor(grids), larger))
    return np.stack(
        [
            mask[tuple(slice(first, first + n) for first, n in zip(shift, places, strict=True))]
            for mask, shift in zip(upsampled, shifts, strict=False)
        ]
    )


def _expect_channels(target: Target, method: str) -> None:
    if target.batch.ndim == 2:
        raise SettingError(
            f"{method} multiplies pixels by masks, which numbers of words and waveforms do not take: "
            "use explain.grad_cam or explain.occlusion."
        )


def _square(corner, size) -> tuple[slice, ...]:
    return tuple(slice(start, start + size) for start in corner)


def _scores(model, target: Target, ways: int, changed: Callable, batch_size) -> np.ndarray:
    """Return the probability of each image's class for each change, `(samples, ways)`.

    `changed` takes image numbers and way numbers, both `(batch,)`, and returns changed images.
    Only one
    batch of them exists at a time.
    """
    pairs = np.stack(np.divmod(np.arange(len(target.batch) * ways), ways), axis=-1)
    scores = np.empty(len(pairs), "float32")
    for start in range(0, len(pairs), batch_size):
        rows, ways_now = pairs[start : start + batch_size].T
        batch = changed(rows, ways_now).astype("float32")
        padding = min(batch_size, len(pairs)) - len(batch)  # one batch shape, one compilation
        batch = np.concatenate([batch, np.repeat(batch[-1:], padding, axis=0)])
        answers = predict_probabilities(model, batch, len(batch))[: len(rows)]
        scores[start : start + len(rows)] = answers[np.arange(len(rows)), target.classes[rows]]
    return scores.reshape(len(target.batch), ways)
