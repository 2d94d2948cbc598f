"""Pretrained weights: Keras' published ImageNet files, or a file of one's own, layer by layer."""

import os
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np

from cnnkit.errors import MissingDataError, SettingError

ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"
# model -> (folder of the address, MD5 of the file with the top, MD5 of the one without); the hashes
# are those that keras.applications asks for.
PUBLISHED = {
    "vgg16": ("vgg16", "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
    "vgg19": ("vgg19", "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
    "resnet50": ("resnet", "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": ("resnet", "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": ("resnet", "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "densenet121": (
        "densenet",
        "9d60b8095a5708f2dcce2bca79d332c7",
        "30ee3e1110167f948a6b9946edeeb738",
    ),
    "densenet169": (
        "densenet",
        "d699b8f76981ab1b30698df4c175e90b",
        "b8c4d4c20dd625c148057b9ff1c1176b",
    ),
    "densenet201": (
        "densenet",
        "1ceb130c1ea1b78c3bf6114dbdfd8807",
        "c13680b51ded0fb44dff2d8f86ac8bb1",
    ),
}
HEAD = "logits"  # the layer that a different number of classes replaces


def loaded(
    model: keras.Model,
    weights: str | os.PathLike | None,
    include_top: bool,
    adapt_channels: bool = False,
) -> keras.Model:
    """Return the model with the weights that its factory was asked for; None leaves it as it is."""
    if weights is not None:
        load_weights(model, weights, include_top=include_top, adapt_channels=adapt_channels)
    return model


def load_weights(
    model: keras.Model,
    weights: str | os.PathLike,
    *,
    include_top: bool = True,
    adapt_channels: bool = False,
) -> None:
    """Give a model of the catalogue the weights of a file, layer by layer.

    weights: "imagenet" for Keras' published file, fetched into KERAS_HOME and checked by its hash,
        or the path of a `.h5` file of `model.save_weights` or keras.applications.
    include_top: whether the model has its top; decides which published file is read. Without it, a
        file's dense layers after the last one of the model are left out.
    adapt_channels: lets a first convolution for 3 channels serve an image of another number: for 1
        channel its kernels are summed, for N each channel has the mean kernel, times 3 / N.

    A head for another number of classes is left as it is, with a warning. Raises SettingError
    naming the first layer that differs, MissingDataError where the file cannot be had.
    """
    path = _published(model.name, include_top) if weights == "imagenet" else Path(weights)
    layers = [layer for layer in model.layers if layer.weights]
    pending = []
    for layer, arrays in _paired(layers, path, include_top):
        if not pending and adapt_channels:
            arrays = _adapted(arrays, layer.weights[0].shape)
        wanted, found = ([tuple(a.shape) for a in each] for each in (layer.weights, arrays))
        if wanted == found:
            pending.append((layer, arrays))
        elif layer.name == HEAD and wanted[0][:-1] == found[0][:-1]:
            warnings.warn(
                f"The head {layer.name!r} stays untrained: {path.name} has "
                f"{found[0][-1]} classes and the model {wanted[0][-1]}.",
                stacklevel=2,
            )
        else:
            hint = "; adapt_channels=True fits it" if not pending and len(wanted[0]) == 4 else ""
            raise SettingError(
                f"{path} does not fit {model.name!r}: the layer {layer.name!r} needs shapes "
                f"{wanted} and the file has {found}{hint}."
            )
    for layer, arrays in pending:  # only once all of them fit
        layer.set_weights(arrays)


def _paired(layers: list[keras.Layer], path: Path, include_top: bool) -> list[tuple]:
    """Return (layer, its arrays in the file) for each layer that has weights."""
    named, ordered = _read(path)
    if named:
        for layer in layers:
            if layer.name not in named:
                raise SettingError(f"{path} has no weights for the layer {layer.name!r}.")
        return [(layer, named[layer.name]) for layer in layers]
    # The published files name layers as keras.applications did in 2018: "conv1/conv", "probs",
    # "fc1000". What has stayed is their order, by which Keras, too, reads them.
    if len(ordered) < len(layers):
        raise SettingError(f"{path} has no weights for the layer {layers[len(ordered)].name!r}.")
    for name, arrays in ordered[len(layers) :]:
        if include_top or arrays[0].ndim != 2:
            raise SettingError(f"{path} has weights of a layer {name!r} that the model has not.")
    return [(layer, arrays) for layer, (_, arrays) in zip(layers, ordered, strict=False)]


def _published(name: str, include_top: bool) -> Path:
    if name not in PUBLISHED:
        raise SettingError(
            f"There are no ImageNet weights for {name!r}; there are for {', '.join(PUBLISHED)}."
        )
    folder, with_top, without_top = PUBLISHED[name]
    file = f"{name}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    cache = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"
    try:
        return Path(
            keras.utils.get_file(
                file,
                f"{ADDRESS}/{folder}/{file}",
                cache_subdir="models",
                file_hash=with_top if include_top else without_top,
            )
        )
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise MissingDataError(
            f"The weights {file} are not on this machine and cannot be fetched ({error}); "
            f"put that file into {cache}, or give a file of your own as weights."
        ) from error


def _read(path: Path) -> tuple[dict, list]:
    """Return a weights file as ({layer: arrays}, []) or ({}, [(layer, arrays), ...]).

    The first is Keras' present HDF5 layout, which has names and no order; the second that of the
    files which keras.applications publishes.
    """
    try:
        with h5py.File(path) as file:
            if "layer_names" in file.attrs:
                groups = {_text(name): file[_text(name)] for name in file.attrs["layer_names"]}
                ordered = [
                    (name, [group[_text(weight)][()] for weight in group.attrs["weight_names"]])
                    for name, group in groups.items()
                ]
                return {}, [(name, arrays) for name, arrays in ordered if arrays]
            return {
                _text(group["vars"].attrs.get("name", name)): [
                    group["vars"][index][()] for index in sorted(group["vars"], key=int)
                ]
                for name, group in file["layers"].items()
                if "vars" in group
            }, []
    except FileNotFoundError:
        raise MissingDataError(f"There is no weights file {path}; check its path.") from None
    except (OSError, KeyError, ValueError) as error:
        raise SettingError(f"{path} is not a file of Keras weights: {error}") from None


def _adapted(arrays: list[np.ndarray], shape: tuple) -> list[np.ndarray]:
    kernel, *rest = arrays
    channels = shape[2]
    if kernel.ndim != 4 or kernel.shape[2] == channels:
        return arrays
    mean = kernel.mean(axis=2, keepdims=True) * (kernel.shape[2] / channels)
    return [np.repeat(mean, channels, axis=2), *rest]


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
