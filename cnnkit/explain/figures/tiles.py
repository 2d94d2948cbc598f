"""Small pictures by NumPy alone, for what is drawn during training: they take milliseconds.

Pictures are uint8, `(height, width, 3)`.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

WHITE, GAP = 255, 2
TRUE_COLOUR, OTHER_COLOUR = (230, 159, 0), (0, 114, 178)  # orange and blue of Okabe, Ito 2008


def picture(image: np.ndarray, low: float = 0.0, high: float = 1.0, side: int = 96) -> np.ndarray:
    """Return an image enlarged to at least `side` pixels.

    Args:
        image: `(height, width)` or `(height, width, channels)`. Three channels are RGB; of any other
            number, the mean is shown in grey.
        low: Value that is black.
        high: Value that is white.
        side: Length of the longer side in pixels; the result may be somewhat larger.

    Returns:
        `(height, width, 3)`, uint8.
    """
    values = np.asarray(image, "float32")
    values = values[..., None] if values.ndim == 2 else values
    values = values if values.shape[-1] == 3 else values.mean(axis=-1, keepdims=True)
    values = np.clip((values - low) / max(high - low, 1e-12), 0, 1)
    pixels = np.broadcast_to((255 * values + 0.5).astype("uint8"), (*values.shape[:2], 3))
    times = max(1, -(-side // max(pixels.shape[:2])))
    return pixels.repeat(times, axis=0).repeat(times, axis=1)


def heat(image: np.ndarray, weights: np.ndarray, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Return an image in dark grey under a heat map in orange.

    Args:
        image: `(height, width, channels)`.
        weights: The heat map, `(height, width)` in [0, 1].
        low: Value of the image that is black.
        high: Value of the image that is white.

    Returns:
        `(height, width, 3)`, uint8.
    """
    grey = picture(np.asarray(image).mean(axis=-1), low, high).astype("float32")
    hot = picture(weights).astype("float32")[..., :1] / 255
    return (grey * (1 - 0.7 * hot) + 0.7 * hot * np.array(TRUE_COLOUR) + 0.5).astype("uint8")


def bars(probabilities: np.ndarray, label: int | None = None, side: int = 96) -> np.ndarray:
    """Return a bar chart of probabilities, with the true class in orange.

    Args:
        probabilities: `(classes,)`, in [0, 1].
        label: Index of the true class.
        side: Height and approximate width in pixels.

    Returns:
        `(height, width, 3)`, uint8.
    """
    width = max(2, side // len(probabilities))
    chart = np.full((side, width * len(probabilities), 3), WHITE, "uint8")
    for index, probability in enumerate(probabilities):
        height = round(float(probability) * (side - 1)) + 1
        colour = TRUE_COLOUR if index == label else OTHER_COLOUR
        chart[side - height :, index * width : (index + 1) * width - 1] = colour
    return chart


def grid(pictures: Sequence[np.ndarray], columns: int | None = None) -> np.ndarray:
    """Return pictures of any sizes in rows on white.

    Args:
        pictures: uint8, `(height, width, 3)` each.
        columns: Pictures in a row; None takes up to 8.

    Returns:
        `(height, width, 3)`, uint8.
    """
    columns = columns or min(8, len(pictures))
    height = max(each.shape[0] for each in pictures) + GAP
    width = max(each.shape[1] for each in pictures) + GAP
    rows = -(-len(pictures) // columns)
    canvas = np.full((rows * height + GAP, columns * width + GAP, 3), WHITE, "uint8")
    for index, each in enumerate(pictures):
        top, left = (GAP + place * size for place, size in
                     zip(divmod(index, columns), (height, width), strict=True))  # fmt: skip
        canvas[top : top + each.shape[0], left : left + each.shape[1]] = each
    return canvas


def stack(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return pictures of any sizes one below the other on white.

    Args:
        pictures: uint8, `(height, width, 3)` each.

    Returns:
        `(height, width, 3)`, uint8.
    """
    width = max(each.shape[1] for each in pictures)
    sides = [((0, GAP), (0, width - each.shape[1]), (0, 0)) for each in pictures]
    padded = [np.pad(each, side, constant_values=WHITE)
              for each, side in zip(pictures, sides, strict=True)]  # fmt: skip
    return np.concatenate(padded)


def png(pixels: np.ndarray) -> bytes:
    """Return a picture as the bytes of a PNG file.

    Args:
        pixels: `(height, width, 3)`, uint8.
    """
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()
