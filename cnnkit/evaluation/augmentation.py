"""Test-time augmentation: a model that looks at several views of each image."""

import itertools

import keras
from keras import layers, ops

from cnnkit.errors import SettingError


def test_time_augmentation(model: keras.Model, *, flip: bool = True, shift: int = 0) -> keras.Model:
    """Return a model whose probabilities are the mean of another's over views of each image.

    model: from images, (batch, height, width, channels), to probabilities, as a run's `model` is;
    the layers are shared. flip: views are also mirrored left to right. shift: views are also moved
    up, down, left and right by so many pixels, over zeros; 0 for none. Krizhevsky et al. 2012,
    section 4.1, have views of this kind.

    It costs as many times a prediction as there are views: 2 with flip, 5 with shift, 10 with both.
    Whether views help is asked of the validation split, or settled beforehand; never of the test
    split. Raises SettingError where there is no view but the image, or shift is not possible.
    """
    if len(model.input_shape) != 4:
        raise SettingError(f"Views are of images, and {model.name!r} takes {model.input_shape}.")
    sides = [side for side in model.input_shape[1:3] if side is not None]
    if shift < 0 or any(shift >= side for side in sides):
        raise SettingError(f"shift is from 0 to below the image's sides {sides}, not {shift}.")
    if not flip and not shift:
        raise SettingError("There are no views with flip=False and shift=0.")
    inputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype, name="image")
    moves = [(0, 0), (shift, 0), (-shift, 0), (0, shift), (0, -shift)] if shift else [(0, 0)]
    answers = []
    for mirrored, (down, right) in itertools.product([False, True] if flip else [False], moves):
        view = ops.flip(inputs, axis=2) if mirrored else inputs
        answers.append(model(_moved(view, down, right)))
    return keras.Model(inputs, layers.Average(name="mean")(answers), name=f"{model.name}_views")


test_time_augmentation.__test__ = False  # its name is the field's; pytest must not collect it


def _moved(images, down: int, right: int):
    """Return images moved by whole pixels; zeros come in."""
    if not down and not right:
        return images
    out = ((max(-down, 0), max(down, 0)), (max(-right, 0), max(right, 0)))
    back = tuple(tuple(reversed(pair)) for pair in out)
    return layers.ZeroPadding2D(back)(layers.Cropping2D(out)(images))
