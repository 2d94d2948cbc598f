"""Test-time augmentation: predictions averaged over several views of each image."""

import itertools

import keras
from keras import layers, ops

from cnnkit.errors import SettingError


def test_time_augmentation(model: keras.Model, *, flip: bool = True, shift: int = 0) -> keras.Model:
    """Return a model that averages another's probabilities over views of each image.

    Krizhevsky et al. 2012, section 4.1, average over views of this kind. A prediction costs 2 times
    as much with `flip`, 5 times with `shift`, and 10 times with both. Decide on the validation
    split whether views help, never on the test split.

    Args:
        model: A model from images, shape (batch, height, width, channels), to probabilities, such
            as a run's `model`. The new model shares its layers.
        flip: Whether to add views mirrored left to right.
        shift: Pixels by which to move further views up, down, left and right, with zeros at the
            border; 0 adds no such views. Must be less than the height and the width.

    Returns:
        A `keras.Model` with the inputs and outputs of `model`.

    Raises:
        SettingError: The model does not take images, `shift` is out of range, or there is no view
            besides the image itself.
    """
    if len(model.input_shape) != 4:
        raise SettingError(
            f"Views need images, but {model.name!r} takes inputs of shape {model.input_shape}."
        )
    sides = [side for side in model.input_shape[1:3] if side is not None]
    if shift < 0 or any(shift >= side for side in sides):
        raise SettingError(f"shift is from 0 to below the image's sides {sides}, not {shift}.")
    if not flip and not shift:
        raise SettingError("There are no views with flip=False and shift=0.")
    inputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype, name="image")
    moves = [(0, 0), (shift, 0), (-shift, 0), (0, shift), (0, -shift)] if shift else [(0, 0)]
    outputs = []
    for mirrored, (down, right) in itertools.product([False, True] if flip else [False], moves):
        view = ops.flip(inputs, axis=2) if mirrored else inputs
        outputs.append(model(_moved(view, down, right)))
    return keras.Model(inputs, layers.Average(name="mean")(outputs), name=f"{model.name}_views")


# pytest must not collect it, though its name begins with test_. mypy: a function has no such field.
test_time_augmentation.__test__ = False  # type: ignore[attr-defined]


def _moved(images, down: int, right: int):
    """Return images moved by whole pixels, with zeros at the border."""
    if not down and not right:
        return images
    cropped = ((max(-down, 0), max(down, 0)), (max(-right, 0), max(right, 0)))
    padded = tuple(tuple(reversed(pair)) for pair in cropped)
    return layers.ZeroPadding2D(padded)(layers.Cropping2D(cropped)(images))
