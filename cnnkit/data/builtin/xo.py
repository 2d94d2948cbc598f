"""Generated X's and O's: white strokes (1) on black (-1), each drawn differently."""

import numpy as np
from PIL import Image, ImageDraw

from cnnkit.data.dataset import Dataset, Split
from cnnkit.data.loader_calls import remembers_call
from cnnkit.errors import SettingError
from cnnkit.random_streams import Purpose, random_generator

CLASS_NAMES = ("X", "O")
POINTS = 25  # of each stroke: enough to draw a smooth curve
OVERSAMPLING = 4  # drawn that much larger; a pixel is white if most of its area is


@remembers_call
def xo(
    *, train: int = 2000, validation: int = 500, test: int = 2000,
    image_size: int = 28, noise: float = 0.0, seed: int = 0,
) -> Dataset:  # fmt: skip
    """Generate X's and O's that are shifted, scaled, rotated and deformed.

    Each split is drawn from (seed, split), so no test image is a training image.

    Args:
        train: Training images, at least 2.
        validation: Validation images, at least 2.
        test: Test images, at least 2.
        image_size: Height and width in pixels, at least 9.
        noise: Probability that a pixel has the wrong sign, from 0 to below 0.5.
        seed: Draws the images.

    Returns:
        A Dataset of float32 inputs, -1 or 1, shape (samples, image_size, image_size, 1). The two
        classes alternate.

    Raises:
        SettingError: A number is out of range.
    """
    if image_size < 9:
        raise SettingError(f"image_size of X's and O's is at least 9, not {image_size}.")
    if not 0 <= noise < 0.5:
        raise SettingError(f"noise is a probability from 0 to below 0.5, not {noise}.")
    if min(train, validation, test) < 2:
        raise SettingError(
            f"Each split needs at least 2 samples, one a class: {train=}, {validation=}, {test=}."
        )
    splits = [
        _draw_split(samples, image_size, noise, random_generator(seed, Purpose.XO, index))
        for index, samples in enumerate((train, validation, test))
    ]
    return Dataset(
        name="xo",
        train=splits[0],
        validation=splits[1],
        test=splits[2],
        class_names=CLASS_NAMES,
        value_range=(-1, 1),
        source=f"generated from seed {seed}",
    )


def _draw_split(samples: int, size: int, noise: float, rng: np.random.Generator) -> Split:
    labels = np.arange(samples, dtype=np.int64) % 2
    images = np.stack([_draw(CLASS_NAMES[label], size, rng) for label in labels])
    flipped = rng.random(images.shape) < noise
    return Split(np.where(flipped, -images, images)[..., None], labels)


def _draw(shape: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return one picture, shape (size, size), float32, -1 or 1."""
    strokes = _cross(rng) if shape == "X" else _ring(rng)
    angle = rng.uniform(
        -np.pi / 9, np.pi / 9
    )  # at most 20 degrees: an X must not become a plus sign
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    stretch = rng.uniform(0.75, 1.0, size=2) * rng.uniform(0.25, 0.42)  # of the picture's side
    margin = 0.5 - stretch.max() - 0.05
    centre = 0.5 + rng.uniform(-margin, margin, size=2)
    thickness = max(rng.uniform(0.07, 0.12), 1.1 / size)  # at least one pixel

    canvas = Image.new("L", (size * OVERSAMPLING, size * OVERSAMPLING))
    pen = ImageDraw.Draw(canvas)
    for stroke in strokes:
        points = ((stroke * stretch) @ turn.T + centre) * canvas.width
        pen.line(
            [tuple(point) for point in points.tolist()],
            fill=255,
            width=round(thickness * canvas.width),
            joint="curve",
        )
    white = np.asarray(canvas.reduce(OVERSAMPLING)) > 127
    return np.where(white, 1, -1).astype(np.float32)


def _cross(rng: np.random.Generator) -> list[np.ndarray]:
    """Return two bent diagonals with displaced ends, about within [-1, 1]."""
    strokes = []
    for direction in (1, -1):
        ends = np.array([[-1, -direction], [1, direction]]) + rng.uniform(-0.15, 0.15, (2, 2))
        along = np.linspace(0, 1, POINTS)[:, None]
        sideways = np.array([[-direction, 1]]) * rng.uniform(-0.15, 0.15)
        strokes.append(ends[0] + along * (ends[1] - ends[0]) + np.sin(np.pi * along) * sideways)
    return strokes


def _ring(rng: np.random.Generator) -> list[np.ndarray]:
    """Return one closed, dented ring around the origin, of radius about 1."""
    angles = np.linspace(0, 2 * np.pi, POINTS)
    radius = 1 + sum(
        rng.uniform(-0.1, 0.1) * np.cos(waves * angles + rng.uniform(0, 2 * np.pi))
        for waves in (2, 3)
    )
    return [np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)]
