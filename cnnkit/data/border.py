"""How bright images are at their border: tells light drawings on dark from dark ones on light."""

import numpy as np

MOST_IMAGES = 200  # as many are looked at
DARK, LIGHT = 0.25, 0.75  # parts of the value range


def border_brightness(images, value_range: tuple[float, float]) -> float | None:
    """Return the median brightness of the pixels at the border.

    Args:
        images: `(samples, height, width, channels)`, in memory or read when they are indexed.
        value_range: Black and white.

    Returns:
        From 0, black, to 1, white; None for inputs that are no images, or without a finite range.
    """
    low, high = value_range
    if len(images.shape) != 4 or not len(images) or not np.isfinite([low, high]).all():
        return None
    values = border_values(some_of(images))
    return float((np.median(values) - low) / max(high - low, 1e-12))


def some_of(images) -> np.ndarray:
    """Return at most 200 images, taken evenly, as float32.

    Args:
        images: `(samples, height, width, channels)`, in memory or read when they are indexed.
    """
    chosen = np.unique(np.linspace(0, len(images) - 1, MOST_IMAGES).astype(int))
    return np.asarray(images[chosen], "float32")


def border_values(images: np.ndarray) -> np.ndarray:
    """Return all values at the border of images, in one row.

    Args:
        images: `(samples, height, width)`, with channels or without.
    """
    sides = (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1])
    return np.concatenate([side.reshape(-1) for side in sides])


def is_opposite(border: float | None, other: float | None) -> bool:
    """Return whether one border is dark and the other light.

    Args:
        border: As `border_brightness` returns it.
        other: The same of another image.
    """
    if border is None or other is None:
        return False
    return min(border, other) < DARK and max(border, other) > LIGHT
