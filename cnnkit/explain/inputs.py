"""One image or a batch of images, as the model itself takes them."""

import keras
import numpy as np

from cnnkit.errors import SettingError


def as_batch(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return images as a float32 batch.

    Args:
        model: The model that takes the images.
        images: `(height, width, channels)`, or with a batch axis first. For a model of sequences,
            `(steps, channels)`. Values are what the model takes: nothing is scaled here.

    Returns:
        The batch, and whether `images` was a single image without a batch axis.

    Raises:
        SettingError: The model takes another shape or several inputs, or the batch is empty.
    """
    pixels = np.asarray(images, "float32")
    inputs = getattr(model, "inputs", None)
    if not inputs:  # a subclassed model does not know its input shape
        return (pixels[None], True) if pixels.ndim == 3 else (pixels, False)
    if len(inputs) > 1:
        raise SettingError(
            f"Model {model.name!r} has {len(inputs)} inputs, but this view takes a single image. "
            "Make a keras.Model of the part that takes the image."
        )
    expected = tuple(inputs[0].shape[1:])
    is_single = pixels.ndim == len(expected)
    batch = pixels[None] if is_single else pixels
    if not _fits(batch.shape[1:], expected):
        raise SettingError(
            f"Model {model.name!r} takes images of shape {_text(expected)}, not {_text(pixels.shape)}; "
            "resize and convert them as for training."
        )
    if len(batch) == 0:
        raise SettingError("The batch is empty; it needs at least one image.")
    return batch, is_single


def _fits(shape: tuple, expected: tuple) -> bool:
    return len(shape) == len(expected) and all(
        size == other or other is None for size, other in zip(shape, expected, strict=True)
    )


def _text(shape: tuple) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
