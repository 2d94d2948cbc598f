"""A network with its own preprocessing in front, so that it takes pixels as images store them."""

from collections.abc import Callable

import keras

from cnnkit.data.input_scale import STORED_PIXELS
from cnnkit.errors import SettingError

CHANNELS = (1, 3)


def add_preprocessing(
    network: keras.Model,
    preprocess: Callable,
    image_shape: tuple[int | None, int | None, int],
    name: str,
) -> keras.Model:
    """Return a network with preprocessing in front, as one flat model.

    Args:
        network: A functional model that takes what `preprocess` returns.
        preprocess: A layer or function, from 3 channels of pixels to the network's input.
        image_shape: (height, width, channels); 1 channel is repeated to 3 before preprocessing.
        name: Name of the new model.

    Returns:
        A model that takes pixels from 0 to 255, of shape (batch, *image_shape), and shares the
        network's layers.
    """
    pixels = keras.Input(image_shape, name=STORED_PIXELS)
    colours = pixels
    if image_shape[-1] == 1:
        colours = keras.layers.Concatenate(name="grey_as_colours")([pixels] * 3)
    # `call` runs the layers one by one, where calling the model would nest it.
    return keras.Model(pixels, network.call(preprocess(colours)), name=name)


def check_channels(image_shape: tuple) -> None:
    """Check that images have as many channels as a backbone can take.

    Args:
        image_shape: (height, width, channels).

    Raises:
        SettingError: There are not 1 or 3 channels.
    """
    if len(image_shape) != 3 or image_shape[-1] not in CHANNELS:
        raise SettingError(
            "A backbone takes image_shape (height, width, channels) with 1 or 3 channels, not "
            f"{tuple(image_shape)}."
        )
