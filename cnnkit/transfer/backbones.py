"""Pretrained networks as backbones: from pixels as images store them to feature maps."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import keras

from cnnkit.data.dataset import Dataset
from cnnkit.errors import SettingError, UnknownNameError
from cnnkit.models.weights import load_weights
from cnnkit.transfer.catalogue import HUB, BackboneInfo, backbone_info
from cnnkit.transfer.hub import hub_backbone
from cnnkit.transfer.preprocessing import add_preprocessing, check_channels
from cnnkit.transfer.published import build_network, load_published


def backbone(
    name: str,
    image_shape: tuple[int | None, int | None, int],
    *,
    weights: str | os.PathLike = "imagenet",
    output_layers: str | Sequence[str] | None = None,
) -> keras.Model:
    """Return a pretrained network without its top, with its preprocessing inside.

    The graph of the model is flat, so that `get_layer` finds every layer by Keras' own name. The
    model computes in the dtype policy, such as "mixed_bfloat16", that is set when this is called.

    Args:
        name: A pretrained network, one of `transfer.names()`; or hub:PRESET for one
            of KerasHub, such as hub:resnet_18_imagenet (see `transfer.hub_backbone`).
        image_shape: (height, width, channels); 1 channel is repeated to the 3 that the weights
            expect.
        weights: "imagenet" for the published weights, which were trained at the native size and are
            used at any; the path of a `.h5` file of the network without top; or "none" for random
            weights, with a warning.
        output_layers: Name of the layer whose output the model returns, or several names; None for
            the last feature map.

    Returns:
        A model that takes pixels from 0 to 255, uint8 or float, of shape (batch, *image_shape). It
        returns one feature map, or a list of them if `output_layers` is a list.

    Raises:
        UnknownNameError: There is no such network or layer.
        SettingError: The network cannot take such images, or the weights do not fit.
        MissingDataError: The weights cannot be had.
    """
    if name.startswith(HUB):
        return _cut_at(output_layers, hub_backbone(name, image_shape, weights))
    info = backbone_info(name)
    check_shape(info, image_shape)
    network = network_with_weights(info, image_shape[:2], weights, include_top=False)
    suffix = "_untrained" if weights == "none" else ""
    return with_preprocessing(_cut_at(output_layers, network), info, image_shape, name + suffix)


def _cut_at(names: str | Sequence[str] | None, network: keras.Model) -> keras.Model:
    if names is None:
        return network
    if isinstance(names, str):
        outputs = _layer(network, names).output
    else:
        outputs = [_layer(network, name).output for name in names]
    return keras.Model(network.input, outputs, name=network.name)


def with_preprocessing(
    network: keras.Model, info: BackboneInfo, image_shape: tuple, name: str
) -> keras.Model:
    """Return a pretrained network with its own `preprocess_input` in front.

    Args:
        network: The network, with or without its top.
        info: Which network it is.
        image_shape: (height, width, channels) of its images.
        name: Name of the new model.

    Returns:
        One flat model that takes pixels from 0 to 255.
    """
    return add_preprocessing(network, info.import_module().preprocess_input, image_shape, name)


def network_with_weights(
    info: BackboneInfo,
    size: tuple[int | None, int | None],
    weights: str | os.PathLike,
    *,
    include_top: bool,
) -> keras.Model:
    """Return a pretrained network with weights, without preprocessing.

    Args:
        info: Which network.
        size: Height and width of its images, in pixels.
        weights: "imagenet", "none" or the path of a file, as `backbone` takes it.
        include_top: Whether it has its classifier.

    Raises:
        SettingError: The weights do not fit.
        MissingDataError: The weights cannot be had.
    """
    if weights == "none":
        warnings.warn(
            f"The backbone {info.name!r} is untrained: its weights are random, as weights='none' "
            "asks.",
            stacklevel=3,
        )
        return build_network(info, size, include_top=include_top)
    if weights != "imagenet":
        network = build_network(info, size, include_top=include_top)
        load_weights(network, Path(weights), include_top=include_top)
        return network
    pretrained = load_published(info, include_top=include_top)
    if tuple(size) == (info.native_size,) * 2:
        return pretrained
    # Keras has other files, or none, for some sizes; and a network whose padding depends on the
    # size of its input has to be built for that size.
    network = build_network(info, size, include_top=include_top)
    network.set_weights(pretrained.get_weights())
    return network


def check_shape(info: BackboneInfo, image_shape: tuple) -> None:
    """Check that a network takes images of a shape.

    Args:
        info: Which network.
        image_shape: (height, width, channels); None for a size that may change.

    Raises:
        SettingError: The images are too small, or have other than 1 or 3 channels.
    """
    check_channels(image_shape)
    if any(side is not None and side < info.min_size for side in image_shape[:2]):
        raise SettingError(
            f"The backbone {info.name!r} takes images of at least {info.min_size} x "
            f"{info.min_size} pixels, not {image_shape[0]} x {image_shape[1]}: enlarge them "
            f"(image_size={info.min_size})."
        )


def check_pixels(name: str, dataset: Dataset) -> None:
    """Check that the inputs of a data set are pixels as a backbone takes them.

    Args:
        name: Name of the backbone, for the message.
        dataset: The data set.

    Raises:
        SettingError: The inputs are texts, or not from 0 to 255.
    """
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
