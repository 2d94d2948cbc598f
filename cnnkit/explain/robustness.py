"""Robustness: what becomes of accuracy and confidence as images are changed more and more."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.explain.inputs import as_batch
from cnnkit.explain.outputs import class_indices, probabilities
from cnnkit.random_streams import Purpose, random_generator


@dataclass(frozen=True)
class Change:
    """A way to change images by amounts.

    apply: from images (samples, height, width, channels) float32 in [0, 1], an amount and a random
    generator to changed ones. amounts: those that `robustness` takes. unchanged: the amount that
    leaves images as they are. unit: what an amount is.
    """

    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    amounts: tuple[float, ...]
    unchanged: float
    unit: str


@dataclass(frozen=True)
class Response:
    """What a model makes of images under one change; an entry an amount.

    accuracy: the part of the samples that is classified rightly. confidence: the mean probability
    of the right class. agreement: the part whose class is that of the unchanged image. All in [0, 1].
    """

    change: str
    unit: str
    samples: int
    amounts: np.ndarray
    accuracy: np.ndarray
    confidence: np.ndarray
    agreement: np.ndarray


def robustness(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    changes: Sequence[str] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
    batch_size: int = 64,
) -> dict[str, Response]:
    """Return a model's response to each change, by name.

    images: (samples, height, width, channels), as the model takes them; labels: class indices
    (samples,). changes: names of CHANGES, all without it, "grey" only for images in colour.
    value_range: what the values of images span; changed ones stay inside. seed: of noise, places
    and directions, the same for each model, so that models can be compared.

    Not to be trusted as accuracy in the world: each change is made by arithmetic, one at a time.
    """
    batch, _ = as_batch(model, images)
    if batch.ndim != 4:
        raise SettingError(f"Robustness is about images, not inputs of shape {batch.shape[1:]}.")
    chosen = changes or [name for name in CHANGES if name != "grey" or batch.shape[-1] == 3]
    for name in chosen:
        if name not in CHANGES:
            raise UnknownNameError("change", name, CHANGES)
    unchanged = probabilities(model, batch, batch_size)
    labels = class_indices(labels, unchanged, model)
    low, high = value_range
    scaled = (batch - low) / (high - low)
    found = {}
    for name in chosen:
        change, rows = CHANGES[name], []
        for amount in change.amounts:
            # The same places and directions for each amount: curves are about the amount alone.
            changed = change.apply(scaled, amount, random_generator(seed, Purpose.CHANGED_IMAGES))
            changed = (low + (high - low) * np.clip(changed, 0, 1)).astype("float32")
            answers = probabilities(model, changed, batch_size)
            guesses = answers.argmax(axis=1)
            rows.append(
                (
                    np.mean(guesses == labels),
                    answers[np.arange(len(labels)), labels].mean(),
                    np.mean(guesses == unchanged.argmax(axis=1)),
                )
            )
        columns = (np.array(column, "float64") for column in zip(*rows, strict=True))
        found[name] = Response(name, change.unit, len(labels), np.array(change.amounts), *columns)
    return found


def shift_consistency(
    model: keras.Model,
    images: np.ndarray,
    *,
    largest: int | None = None,
    pairs: int = 5,
    wrap: bool = False,
    seed: int = 0,
    batch_size: int = 64,
) -> float:
    """Return how often two shifts of the same image get the same class (Zhang 2019), in [0, 1].

    images: as the model takes them. largest: pixels along either axis; an eighth of the shorter
    side without it, as in the paper (32 of 256). pairs: of shifts, for each image. wrap: whether
    what leaves the image comes back at the other side; otherwise the border pixels are repeated.
    A network is not right for being consistent: one that always says "cat" is.
    """
    batch, _ = as_batch(model, images)
    largest = max(1, min(batch.shape[1:3]) // 8) if largest is None else largest
    random = random_generator(seed, Purpose.SHIFT_PAIRS)
    same = []
    for _ in range(pairs):
        shifts = random.integers(-largest, largest + 1, (2, len(batch), 2))
        guesses = [
            probabilities(model, _shifted(batch, moves, wrap), batch_size).argmax(axis=1)
            for moves in shifts
        ]
        same.append(np.mean(guesses[0] == guesses[1]))
    return float(np.mean(same))


def _shifted(images: np.ndarray, moves: np.ndarray, wrap: bool = False) -> np.ndarray:
    """Return images moved down and right by (samples, 2) whole pixels; border pixels are repeated."""
    places = []
    for axis, size in enumerate(images.shape[1:3]):
        sources = np.arange(size)[None] - moves[:, axis, None]
        places.append(sources % size if wrap else np.clip(sources, 0, size - 1))
    samples = np.arange(len(images))[:, None, None]
    return images[samples, places[0][:, :, None], places[1][:, None, :]]


def _shift(images, amount, random):
    """Move each image by a part of its shorter side, up, down, left or right by chance."""
    pixels = round(amount * min(images.shape[1:3]))
    directions = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    return _shifted(images, pixels * directions[random.integers(0, 4, len(images))])


def _turned(images, angles, factors):
    """Return images turned about their middle, (samples,) radians, and enlarged by (samples,)."""
    height, width = images.shape[1:3]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    cosine, sine = np.cos(angles) / factors, np.sin(angles) / factors
    # Output (x, y) reads input (a x + b y + c, d x + e y + f); the middle reads itself.
    rows = np.stack(
        [
            cosine, -sine, middle[0] - cosine * middle[0] + sine * middle[1],
            sine, cosine, middle[1] - sine * middle[0] - cosine * middle[1],
            np.zeros_like(cosine), np.zeros_like(cosine),
        ],
        axis=1,
    )  # fmt: skip
    turned = ops.image.affine_transform(
        ops.convert_to_tensor(images), ops.convert_to_tensor(rows.astype("float32")),
        interpolation="bilinear", fill_mode="nearest", data_format="channels_last",
    )  # fmt: skip
    return ops.convert_to_numpy(turned)


def _turn(images, amount, random):
    """Turn each image by so many degrees, to the left or to the right by chance."""
    signs = random.choice([-1, 1], len(images))
    return _turned(images, np.deg2rad(amount) * signs, np.ones(len(images)))


def _scale(images, amount, random):
    return _turned(images, np.zeros(len(images)), np.full(len(images), amount))


def _grey(images, amount, random):
    """Mix colours with their ITU-R 601 luma, which is all that a black-and-white picture keeps."""
    luma = images @ np.array([[0.299], [0.587], [0.114]], "float32")
    return images + amount * (luma - images)


def _contrast(images, amount, random):
    """Multiply each image's distance from its own mean."""
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return mean + amount * (images - mean)


def _blur(images, amount, random):
    """Blur by a Gaussian whose standard deviation is a part of the shorter side."""
    sigma = amount * min(images.shape[1:3])
    if not sigma:
        return images
    reach = math.ceil(4 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    for axis, size in ((1, images.shape[1]), (2, images.shape[2])):
        # As a matrix from pixels to pixels, in which the border pixels are repeated.
        matrix = np.zeros((size, size))
        for offset, weight in zip(range(-reach, reach + 1), weights / weights.sum(), strict=True):
            sources = np.clip(np.arange(size) + offset, 0, size - 1)
            np.add.at(matrix, (np.arange(size), sources), weight)
        images = np.moveaxis(np.tensordot(images, matrix, axes=(axis, 1)), -1, axis)
    return images


def _noise(images, amount, random):
    return images + amount * random.standard_normal(images.shape, "float32")


def _cover(images, amount, random):
    """Cover a square of a part of the area with mid-grey, at a place by chance."""
    side = round(math.sqrt(amount * images.shape[1] * images.shape[2]))
    corners = random.random((len(images), 2))
    changed = images.copy()
    for image, corner in zip(changed, corners, strict=True):
        top, left = (corner * (np.array(image.shape[:2]) - side + 1)).astype(int)
        image[max(top, 0) : max(top, 0) + side, max(left, 0) : max(left, 0) + side] = 0.5
    return changed


CHANGES = {
    "shift": Change(_shift, (0, 0.05, 0.1, 0.15, 0.2, 0.25), 0, "part of the shorter side"),
    "rotation": Change(_turn, (0, 10, 20, 30, 45, 60, 90), 0, "degrees"),
    "scale": Change(_scale, (0.5, 0.67, 0.8, 1, 1.25, 1.5, 2), 1, "factor"),
    "grey": Change(_grey, (0, 0.25, 0.5, 0.75, 1), 0, "part of the colour taken away"),
    "contrast": Change(_contrast, (1, 0.8, 0.6, 0.4, 0.2, 0.1), 1, "factor"),
    "blur": Change(_blur, (0, 0.01, 0.02, 0.04, 0.08), 0, "part of the shorter side"),
    "noise": Change(_noise, (0, 0.05, 0.1, 0.2, 0.4), 0, "part of the value range"),
    "occlusion": Change(_cover, (0, 0.05, 0.1, 0.2, 0.4), 0, "part of the area"),
}
"""The changes by name."""
