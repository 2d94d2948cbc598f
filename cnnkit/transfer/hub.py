"""Image networks of KerasHub as backbones; they need the extra `hub`."""

import os
import re
import warnings
from pathlib import Path

import keras

from cnnkit.errors import MissingDataError, SettingError, UnknownNameError
from cnnkit.model_files import check_weights
from cnnkit.transfer.catalogue import HUB, require_hub
from cnnkit.transfer.preprocessing import add_preprocessing, check_channels

# What KerasHub, h5py and the libraries that download for it raise; a failed request is an OSError.
FAILURES = (ImportError, KeyError, OSError, RuntimeError, TypeError, ValueError)


def _keras_hub():
    require_hub()
    import keras_hub  # an optional extra

    return keras_hub


def hub_presets() -> dict[str, dict]:
    """Return the presets of KerasHub's image classifiers.

    Returns:
        For each name, a dict with "metadata", which has "description" and "params", and
        "kaggle_handle".

    Raises:
        MissingDataError: KerasHub is not installed.
    """
    return dict(_keras_hub().models.ImageClassifier.presets)


def hub_backbone(
    name: str, image_shape: tuple[int | None, int | None, int], weights: str | os.PathLike
) -> keras.Model:
    """Return the backbone of a preset of KerasHub, with its scaling of pixels inside.

    Images are not resized to the size of the preset.

    Args:
        name: hub:PRESET with what `from_preset` takes: a name such as resnet_18_imagenet, a handle
            such as hf://USER/NAME, or a folder that `save_to_preset` wrote.
        image_shape: (height, width, channels), with 1 or 3 channels.
        weights: "imagenet" for those of the preset, whatever they were trained on; "none" for
            random ones, with a warning.

    Returns:
        A flat model from pixels, 0 to 255, of shape (batch, *image_shape) to a feature map.

    Raises:
        UnknownNameError: There is no such preset.
        SettingError: `weights` is something else, the preset cannot be loaded for such images, or
            it has no feature map.
        MissingDataError: KerasHub is not installed, or the preset cannot be fetched.
    """
    check_channels(image_shape)
    if weights not in ("imagenet", "none"):
        raise SettingError(
            f"The weights of {name!r} are 'imagenet', the preset's own, or 'none', not "
            f"{str(weights)!r}: a preset of your own is a folder, {HUB}FOLDER."
        )
    preset = name.removeprefix(HUB)
    presets = hub_presets()
    if preset not in presets and "://" not in preset and not Path(preset).is_dir():
        raise UnknownNameError("preset of KerasHub", preset, presets)
    address = presets.get(preset, {}).get("kaggle_handle", preset)
    network, converter = _load(preset, image_shape, address, load_weights=weights != "none")
    if len(getattr(network.output, "shape", ())) != 4:
        raise SettingError(
            f"{type(network).__name__} of {name!r} gives no feature map (height, width, filters), "
            "which a backbone's head reads: choose a convolutional network."
        )
    if weights == "none":
        warnings.warn(
            f"The backbone {name!r} is untrained: its weights are random, as weights='none' asks.",
            stacklevel=3,
        )
    model_name = re.sub(r"\W+", "_", Path(preset).name if "://" not in preset else preset)
    model_name += "_untrained" if weights == "none" else ""
    return add_preprocessing(network, _scaling(converter), image_shape, model_name)


def _load(preset: str, image_shape: tuple, address: str, *, load_weights: bool) -> tuple:
    keras_hub = _keras_hub()
    height, width = image_shape[:2]
    for weights in Path(preset).glob("*.weights.h5") if Path(preset).is_dir() else ():
        check_weights(weights)  # a folder may be somebody else's
    try:
        converter = keras_hub.layers.ImageConverter.from_preset(preset)
        network = keras_hub.models.Backbone.from_preset(
            preset,
            load_weights=load_weights,
            dtype=keras.config.dtype_policy(),  # else that in which it was saved
            image_shape=(height, width, 3),
        )
    except FAILURES as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        if Path(preset).is_dir() or not _is_download_error(error):
            raise SettingError(
                f"The preset {preset} cannot be loaded for images of {height} x {width}: {reason}."
            ) from error
        raise MissingDataError(
            f"The preset {preset!r} is not on this machine and cannot be fetched ({address}); name a "
            f"folder of it, as KerasHub's save_to_preset writes it, as {HUB}FOLDER."
        ) from error
    return network, converter


def _is_download_error(error: Exception) -> bool:
    return isinstance(error, OSError) or "download" in str(error).lower()


def _scaling(converter) -> keras.layers.Layer:
    """Return what KerasHub's ImageConverter does to pixels, other than resizing."""
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    # In bfloat16 a scaled pixel would lose its last bits.
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="scaled_pixels")
