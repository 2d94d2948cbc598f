"""Robustness: accuracy and confidence as images are perturbed more and more."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.explain.inputs import as_batch
from cnnkit.explain.outputs import class_indices, predict_probabilities
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.random_streams import Purpose, random_generator


@dataclass(frozen=True)
class Perturbation:
    """A way to change images by an amount.

    Attributes:
        apply: A function of images `(samples, height, width, channels)`, float32 in [0, 1], an amount
            and a random generator. Returns the perturbed images.
        amounts: The amounts that `robustness` tries.
        neutral_amount: The amount that leaves images as they are.
        unit: What an amount measures.
    """

    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]
    amounts: tuple[float, ...]
    neutral_amount: float
    unit: str


@dataclass(frozen=True)
class RobustnessCurve:
    """How a model does on images under one perturbation, with one entry for each amount.

    Attributes:
        perturbation: Its name in `PERTURBATIONS`.
        unit: What an amount measures.
        samples: Number of images.
        amounts: `(amounts,)`, in `unit`.
        accuracy: Share of images with the right class, in [0, 1].
        confidence: Mean probability of the right class, in [0, 1].
        agreement: Share of images with the class predicted for the unperturbed image, in [0, 1].
    """

    perturbation: str
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
    perturbations: Sequence[str] | None = None,
    value_range: tuple[float, float] = (0.0, 1.0),
    seed: int = 0,
    batch_size: int = 64,
) -> dict[str, RobustnessCurve]:
    """Measure a model on perturbed images.

    Each perturbation is synthetic and applied alone, so this is no measure of accuracy on
    real-world images.

    Args:
        model: A Keras image classifier.
        images: `(samples, height, width, channels)`, as the model takes them.
        labels: Class indices, `(samples,)`.
        perturbations: Names from `PERTURBATIONS`; None takes all that fit the images ("grey" needs
            RGB images).
        value_range: Smallest and largest value that images can have. Perturbed images stay inside.
        seed: Chooses noise, places and directions. They are the same for each model and amount, so
            that models can be compared.
        batch_size: Images in one forward pass.

    Returns:
        A curve for each perturbation, by name; `explain.figures.robustness` draws them.

    Raises:
        UnknownNameError: There is no perturbation of this name.
        SettingError: The inputs are not images, or a label does not exist.
    """
    batch, _ = as_batch(model, images)
    if batch.ndim != 4:
        raise SettingError(f"Robustness is about images, not inputs of shape {batch.shape[1:]}.")
    names = perturbations or [
        name for name in PERTURBATIONS if name != "grey" or batch.shape[-1] == 3
    ]
    for name in names:
        if name not in PERTURBATIONS:
            raise UnknownNameError("perturbation", name, PERTURBATIONS)
    unperturbed = predict_probabilities(model, batch, batch_size)
    labels = class_indices(labels, unperturbed, model)
    low, high = value_range
    scaled = (batch - low) / (high - low)

    def probabilities_at(apply, amount):
        # The same places and directions for each amount: curves show the amount alone.
        perturbed = apply(scaled, amount, random_generator(seed, Purpose.CHANGED_IMAGES))
        perturbed = (low + (high - low) * np.clip(perturbed, 0, 1)).astype("float32")
        return predict_probabilities(model, perturbed, batch_size)

    return {
        name: _curve(name, labels, unperturbed.argmax(axis=1), probabilities_at) for name in names
    }


def _curve(name, labels, first_guesses, probabilities_at) -> RobustnessCurve:
    perturbation, rows = PERTURBATIONS[name], []
    for amount in perturbation.amounts:
        probabilities = probabilities_at(perturbation.apply, amount)
        guesses = probabilities.argmax(axis=1)
        rows.append(
            (
                np.mean(guesses == labels),
                probabilities[np.arange(len(labels)), labels].mean(),
                np.mean(guesses == first_guesses),
            )
        )
    accuracy, confidence, agreement = np.array(rows, "float64").T
    return RobustnessCurve(
        perturbation=name,
        unit=perturbation.unit,
        samples=len(labels),
        amounts=np.array(perturbation.amounts),
        accuracy=accuracy,
        confidence=confidence,
        agreement=agreement,
    )


def shift_consistency(
    model: keras.Model,
    images: np.ndarray,
    *,
    max_shift: int | None = None,
    pairs: int = 5,
    wrap: bool = False,
    seed: int = 0,
    batch_size: int = 64,
) -> float:
    """Return how often two random shifts of the same image get the same class (Zhang 2019).

    A consistent network need not be a good one: one that always says "cat" is consistent.

    Args:
        model: A Keras image classifier.
        images: `(samples, height, width, channels)`, as the model takes them.
        max_shift: Largest shift along either axis, in pixels. None takes an eighth of the shorter
            side, as in the paper (32 of 256).
        pairs: Number of pairs of shifts for each image.
        wrap: Whether pixels that leave the image come back at the other side. Otherwise the border
            pixels are repeated.
        seed: Chooses the shifts.
        batch_size: Images in one forward pass.

    Returns:
        The share of pairs with the same class, in [0, 1].
    """
    batch, _ = as_batch(model, images)
    max_shift = max(1, min(batch.shape[1:3]) // 8) if max_shift is None else max_shift
    random = random_generator(seed, Purpose.SHIFT_PAIRS)
    same = []
    for _ in range(pairs):
        shifts = random.integers(-max_shift, max_shift + 1, (2, len(batch), 2))
        guesses = [
            predict_probabilities(model, _shift_pixels(batch, offsets, wrap), batch_size).argmax(
                axis=1
            )
            for offsets in shifts
        ]
        same.append(np.mean(guesses[0] == guesses[1]))
    return float(np.mean(same))


def _shift_pixels(images: np.ndarray, offsets: np.ndarray, wrap: bool = False) -> np.ndarray:
    """Return images moved down and right by `(samples, 2)` pixels; border pixels are repeated."""
    places = []
    for axis, size in enumerate(images.shape[1:3]):
        sources = np.arange(size)[None] - offsets[:, axis, None]
        places.append(sources % size if wrap else np.clip(sources, 0, size - 1))
    samples = np.arange(len(images))[:, None, None]
    return images[samples, places[0][:, :, None], places[1][:, None, :]]


def _shift(images, amount, random):
    """Move each image by a part of its shorter side, in one of four random directions."""
    pixels = round(amount * min(images.shape[1:3]))
    directions = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    return _shift_pixels(images, pixels * directions[random.integers(0, 4, len(images))])


def _affine(images, angles, factors):
    """Return images rotated about their centre by `(samples,)` radians and enlarged by `(samples,)`."""
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
    return as_numpy(turned)


def _rotate(images, amount, random):
    """Rotate each image by an angle in degrees, randomly to the left or right."""
    signs = random.choice([-1, 1], len(images))
    return _affine(images, np.deg2rad(amount) * signs, np.ones(len(images)))


def _scale(images, amount, random):
    return _affine(images, np.zeros(len(images)), np.full(len(images), amount))


def _grey(images, amount, random):
    """Mix colours with their ITU-R 601 luma, as black-and-white television did."""
    luma = images @ np.array([[0.299], [0.587], [0.114]], "float32")
    return images + amount * (luma - images)


def _contrast(images, amount, random):
    """Multiply each pixel's distance from the image's mean."""
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return mean + amount * (images - mean)


def _blur(images, amount, random):
    """Blur with a Gaussian whose standard deviation is a part of the shorter side."""
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


def _occlude(images, amount, random):
    """Cover a random square of a part of the area with mid-grey."""
    side = round(math.sqrt(amount * images.shape[1] * images.shape[2]))
    corners = random.random((len(images), 2))
    changed = images.copy()
    for image, corner in zip(changed, corners, strict=True):
        top, left = (corner * (np.array(image.shape[:2]) - side + 1)).astype(int)
        image[max(top, 0) : max(top, 0) + side, max(left, 0) : max(left, 0) + side] = 0.5
    return changed


PERTURBATIONS = {
    "shift": Perturbation(_shift, (0, 0.05, 0.1, 0.15, 0.2, 0.25), 0, "part of the shorter side"),
    "rotation": Perturbation(_rotate, (0, 10, 20, 30, 45, 60, 90), 0, "degrees"),
    "scale": Perturbation(_scale, (0.5, 0.67, 0.8, 1, 1.25, 1.5, 2), 1, "factor"),
    "grey": Perturbation(_grey, (0, 0.25, 0.5, 0.75, 1), 0, "part of the colour taken away"),
    "contrast": Perturbation(_contrast, (1, 0.8, 0.6, 0.4, 0.2, 0.1), 1, "factor"),
    "blur": Perturbation(_blur, (0, 0.01, 0.02, 0.04, 0.08), 0, "part of the shorter side"),
    "noise": Perturbation(_noise, (0, 0.05, 0.1, 0.2, 0.4), 0, "part of the value range"),
    "occlusion": Perturbation(_occlude, (0, 0.05, 0.1, 0.2, 0.4), 0, "part of the area"),
}
"""The perturbations by name."""
