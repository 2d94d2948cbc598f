"""What the views take: one image or a batch of them, as the model itself takes them."""

import keras
import numpy as np

from cnnkit.errors import SettingError


def as_batch(model: keras.Model, images: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return images as a float32 batch, and whether it was a single image without batch axis.

    images: (height, width, channels), or with a batch axis before; for a model of sequences,
    (steps, channels). Values are those that the model takes: nothing is scaled here.
    Raises SettingError for a shape the model does not take, and for a model of several inputs.
    """
    pixels = np.asarray(images, "float32")
    inputs = getattr(model, "inputs", None)
    if not inputs:  # a subclassed model does not say what it takes
        return (pixels[None], True) if pixels.ndim == 3 else (pixels, False)
    if len(inputs) > 1:
        raise SettingError(
            f"Model {model.name!r} has {len(inputs)} inputs, and this view needs one image alone; "
            "make a keras.Model of the part that takes the image."
        )
    wanted = tuple(inputs[0].shape[1:])
    single = pixels.ndim == len(wanted)
    batch = pixels[None] if single else pixels
    if not _fits(batch.shape[1:], wanted):
        raise SettingError(
            f"Model {model.name!r} takes images of shape {_text(wanted)}, not {_text(pixels.shape)}; "
            "resize them, and bring them to its number of channels, as for training."
        )
    if len(batch) == 0:
        raise SettingError("There is no image in the batch; give at least one.")
    return batch, single


def _fits(shape: tuple, wanted: tuple) -> bool:
    return len(shape) == len(wanted) and all(
        size == other or other is None for size, other in zip(shape, wanted, strict=True)
    )


def _text(shape: tuple) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
