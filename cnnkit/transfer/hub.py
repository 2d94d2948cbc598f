"""The image networks that KerasHub has weights for, as backbones; they need the extra `hub`."""

import os
import re
import warnings
from pathlib import Path

import keras

from cnnkit.errors import MissingDataError, SettingError, UnknownNameError
from cnnkit.transfer.catalogue import HUB, require_hub
from cnnkit.transfer.preprocessing import behind, check_channels

# What KerasHub, h5py and those who fetch for it raise: a failed request is an OSError.
FAILURES = (ImportError, KeyError, OSError, RuntimeError, TypeError, ValueError)


def hub_presets() -> dict[str, dict]:
    """Return KerasHub's image classifiers by name: description, parameters, where weights are.

    Each has "metadata", with "description" and "params", and "kaggle_handle". Raises
    MissingDataError without the extra.
    """
    require_hub()
    import keras_hub

    return dict(keras_hub.models.ImageClassifier.presets)


def hub_backbone(
    name: str, image_shape: tuple[int | None, int | None, int], weights: str | os.PathLike
) -> keras.Model:
    """Return the backbone of a preset of KerasHub, its own scaling of pixels inside.

    name: hub:PRESET with what `from_preset` takes: a name such as resnet_18_imagenet, a handle such
        as hf://USER/NAME, or a folder that `save_to_preset` has written.
    weights: "imagenet" for those of the preset, whatever it was trained on; "none" for random ones.

    Images are not brought to the size of the preset: they have `image_shape`. The rest is as
    `transfer.backbone` says.
    """
    check_channels(image_shape)
    if weights not in ("imagenet", "none"):
        raise SettingError(
            f"The weights of {name!r} are 'imagenet', the preset's own, or 'none', not "
            f"{str(weights)!r}: a preset of your own is a folder, {HUB}FOLDER."
        )
    preset = name.removeprefix(HUB)
    known = hub_presets()
    if preset not in known and "://" not in preset and not Path(preset).is_dir():
        raise UnknownNameError("preset of KerasHub", preset, known)
    network, converter = _loaded(preset, known, image_shape, weights != "none")
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
    label = re.sub(r"\W+", "_", Path(preset).name if "://" not in preset else preset)
    label += "_untrained" if weights == "none" else ""
    return behind(_scaling(converter), network, image_shape, label)


def _loaded(preset: str, known: dict, image_shape: tuple, trained: bool) -> tuple:
    import keras_hub

    height, width = image_shape[:2]
    try:
        converter = keras_hub.layers.ImageConverter.from_preset(preset)
        network = keras_hub.models.Backbone.from_preset(
            preset,
            load_weights=trained,
            dtype=keras.config.dtype_policy(),  # else that in which it was saved
            image_shape=(height, width, 3),
        )
    except FAILURES as error:
        said = str(error).strip().split("\n")[0].rstrip(".")
        if Path(preset).is_dir() or not _of_network(error):
            raise SettingError(
                f"The preset {preset} cannot be loaded for images of {height} x {width}: {said}."
            ) from error
        address = known.get(preset, {}).get("kaggle_handle", preset)
        raise MissingDataError(
            f"The preset {preset!r} is not on this machine and cannot be fetched ({address}); name a "
            f"folder of it, as KerasHub's save_to_preset writes it, as {HUB}FOLDER."
        ) from error
    return network, converter


def _of_network(error: Exception) -> bool:
    """Whether a preset could not be fetched, rather than read."""
    return isinstance(error, OSError) or "download" in str(error).lower()


def _scaling(converter) -> keras.layers.Layer:
    """Return what KerasHub's ImageConverter does to pixels, other than changing their number."""
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    # In bfloat16 a scaled pixel would lose its last bits.
    return keras.layers.Rescaling(scale, offset, dtype="float32", name="scaled_pixels")
