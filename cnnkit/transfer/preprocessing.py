"""A network behind its own preprocessing: pixels as they are stored in, what the network gives out."""

from collections.abc import Callable

import keras

from cnnkit.data.input_scale import STORED_PIXELS
from cnnkit.errors import SettingError

CHANNELS = (1, 3)


def behind(
    prepare: Callable,
    network: keras.Model,
    image_shape: tuple[int | None, int | None, int],
    name: str,
) -> keras.Model:
    """Return `network` behind `prepare`, as one flat model of pixels 0 to 255, (batch, *image_shape).

    prepare: from 3 channels of pixels to what the network takes; 1 channel is repeated before.
    """
    pixels = keras.Input(image_shape, name=STORED_PIXELS)
    colours = pixels
    if image_shape[-1] == 1:
        colours = keras.layers.Concatenate(name="grey_as_colours")([pixels] * 3)
    # `call` runs the layers one by one, where calling the model would nest it.
    return keras.Model(pixels, network.call(prepare(colours)), name=name)


def check_channels(image_shape: tuple) -> None:
    """Raise SettingError unless a backbone takes images of so many channels."""
    if len(image_shape) != 3 or image_shape[-1] not in CHANNELS:
        raise SettingError(
            "A backbone takes image_shape (height, width, channels) with 1 or 3 channels, not "
            f"{tuple(image_shape)}."
        )
