"""Pretrained networks as backbones: pictures as they are stored in, feature maps out."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import keras

from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.models.weights import load_weights
from cnnkit.transfer.catalogue import HUB, Line, backbone_info
from cnnkit.transfer.hub import hub_backbone
from cnnkit.transfer.preprocessing import behind, check_channels
from cnnkit.transfer.published import built, with_published_weights


def backbone(
    name: str,
    image_shape: tuple[int | None, int | None, int],
    *,
    weights: str | os.PathLike = "imagenet",
    at: str | Sequence[str] | None = None,
) -> keras.Model:
    """Return a pretrained network without its top, its preprocessing inside.

    The model takes pixels from 0 to 255, uint8 or float, shape (batch, *image_shape), and gives the
    last feature map, or a list of them where `at` names several layers. Its graph is flat, so that
    every layer can be found by Keras' own name. It computes in the precision of
    `keras.config.dtype_policy()`, such as "mixed_bfloat16", at the time of this call.

    name: of a network of `keras.applications`, which `transfer.names()` lists; or hub:PRESET for
        one of KerasHub, such as hub:resnet_18_imagenet, see `transfer.hub_backbone`.
    image_shape: (height, width, channels); 1 channel is repeated to the 3 that the weights expect.
    weights: "imagenet" for the published file, trained at the native size and used at any; the
        path of a `.h5` file of the network without top; "none" for random ones, with a warning.
    at: the layer, or layers, whose output to give.

    Raises UnknownNameError for a network or layer, SettingError for a shape that the network cannot
    take or weights that do not fit, MissingDataError where weights cannot be had.
    """
    if name.startswith(HUB):
        return _at(at, hub_backbone(name, image_shape, weights))
    found = backbone_info(name)
    check_shape(found, image_shape)
    network = _at(at, network_of(found, image_shape[:2], weights, include_top=False))
    return with_preprocessing(
        network, found, image_shape, name if weights != "none" else f"{name}_untrained"
    )


def _at(at: str | Sequence[str] | None, network: keras.Model) -> keras.Model:
    """Return the network up to the layers of these names, in their order; the whole for None."""
    if at is None:
        return network
    points = [at] if isinstance(at, str) else list(at)
    maps = [_layer(network, point).output for point in points]
    return keras.Model(network.input, maps[0] if isinstance(at, str) else maps, name=network.name)


def with_preprocessing(
    network: keras.Model, found: Line, image_shape: tuple, name: str
) -> keras.Model:
    """Return the network behind its own `preprocess_input`, as one flat model of pixels 0 to 255."""
    return behind(found.applications().preprocess_input, network, image_shape, name)


def network_of(
    found: Line, size: tuple[int | None, int | None], weights: str | os.PathLike, include_top: bool
) -> keras.Model:
    """Return Keras' network with these weights, without preprocessing, for images of that size."""
    native = (found.native_size,) * 2
    if weights == "none":
        warnings.warn(
            f"The backbone {found.name!r} is untrained: its weights are random, as weights='none' "
            "asks.",
            stacklevel=3,
        )
        return built(found, size, include_top, None)
    if weights != "imagenet":
        network = built(found, size, include_top, None)
        load_weights(network, Path(weights), include_top=include_top)
        return network
    trained = with_published_weights(found, include_top)
    if tuple(size) == native:
        return trained
    # Keras offers other files, or none, for some sizes; and networks that pad by the input's size
    # must be built for it.
    network = built(found, size, include_top, None)
    network.set_weights(trained.get_weights())
    return network


def check_shape(found: Line, image_shape: tuple) -> None:
    """Raise SettingError unless the network takes images of that shape."""
    check_channels(image_shape)
    if any(side is not None and side < found.smallest for side in image_shape[:2]):
        raise SettingError(
            f"The backbone {found.name!r} takes images of at least {found.smallest} x "
            f"{found.smallest} pixels, not {image_shape[0]} x {image_shape[1]}: enlarge them "
            f"(image_size={found.smallest})."
        )


def check_pixels(name: str, dataset: Dataset) -> None:
    """Raise SettingError unless the values of a data set are pixels as a backbone takes them."""
    low, high = dataset.value_range
    if (low, high) != (0, 255) or dataset.vocabulary:
        raise SettingError(
            f"The backbone {name!r} takes pixels from 0 to 255, and the values of the data set "
            f"{dataset.name!r} are from {low} to {high}."
        )


def _layer(network: keras.Model, name: str) -> keras.Layer:
    layers = {layer.name: layer for layer in network.layers}
    if name not in layers:
        raise UnknownNameError("layer of the backbone", name, layers)
    return layers[name]
