"""Loading weights layer by layer: Keras' published ImageNet files, or any weights file."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

from cnnkit.errors import MissingDataError, SettingError
from cnnkit.keras_graph.keras_home import keras_home
from cnnkit.model_files import open_weights, read_array
from cnnkit.models.damaged import keep_if_deleted

ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"
# model -> (folder of ADDRESS, MD5 of the file with the top, MD5 of the one without), as in
# keras.applications.
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
HEAD = "logits"  # the layer that may differ in its number of classes


def load_weights(
    model: keras.Model,
    weights: str | os.PathLike,
    *,
    include_top: bool = True,
    adapt_channels: bool = False,
) -> None:
    """Load weights into a model of `cnnkit.models`.

    If only the number of classes differs, the head keeps its random weights, with a warning.

    Args:
        model: The model; its weights are replaced.
        weights: "imagenet" for Keras' published file, which is downloaded to KERAS_HOME and checked
            by its hash; or the path of a `.h5` file from `model.save_weights` or
            keras.applications.
        include_top: Whether the model has its top, which decides which published file is read.
            Without the top, dense layers at the end of the file are ignored.
        adapt_channels: Whether a first convolution for 3 channels may serve another number. For 1
            channel its kernels are summed; for N, each channel gets the mean kernel times 3 / N.

    Raises:
        SettingError: The file does not fit the model; the message names the first layer that
            differs.
        RefusedFileError: The file could do harm, or holds values that are not finite.
        MissingDataError: The file is missing and cannot be downloaded.
    """
    path = _published(model.name, include_top) if weights == "imagenet" else Path(weights)
    pending, head = [], None
    with open_weights(path) as file:
        for layer, stored in _paired(model, path, _arrays_of(file), include_top):
            needed = [tuple(weight.shape) for weight in layer.weights]
            shapes = [tuple(array.shape) for array in stored]
            adapts = not pending and adapt_channels and _adaptable(shapes, needed)
            if needed == shapes or adapts:
                arrays = [read_array(array) for array in stored]
                pending.append((layer, _adapted(arrays, needed[0]) if adapts else arrays))
            elif layer.name == HEAD and [s[:-1] for s in needed] == [s[:-1] for s in shapes]:
                head = needed[0][-1], shapes[0][-1]
            else:
                raise SettingError(_misfit(path, model, layer.name, needed, shapes))
    for layer, arrays in pending:  # nothing is changed unless all fit
        layer.set_weights(arrays)
    if head:
        warnings.warn(
            f"The head {HEAD!r} stays untrained: {path.name} has {head[1]} classes and the model "
            f"{head[0]}.",
            stacklevel=2,
        )


def _paired(
    model: keras.Model, path: Path, stored: dict | list[tuple[str, list]], include_top: bool
) -> Iterator[tuple]:
    """Yield each layer that has weights, with its datasets of the file."""
    layers = [layer for layer in model.layers if layer.weights]
    pairs: list[tuple] = (
        [(layer.name, stored.get(layer.name)) for layer in layers]
        if isinstance(stored, dict)
        else stored
    )
    absent = [(None, None)] * (len(layers) - len(pairs))
    for layer, (_, arrays) in zip(layers, [*pairs[: len(layers)], *absent], strict=True):
        if arrays is None:
            raise SettingError(f"{path} has no weights for the layer {layer.name!r}.")
        yield layer, arrays
    for name, arrays in pairs[len(layers) :]:
        if include_top or arrays[0].ndim != 2:  # not the dense layers of a top
            raise SettingError(f"{path} has weights of a layer {name!r} that the model lacks.")


def _published(name: str, include_top: bool) -> Path:
    """Return the path of a published file, after downloading it if necessary."""
    if name not in PUBLISHED:
        raise SettingError(
            f"There are no ImageNet weights for {name!r}; there are for {', '.join(PUBLISHED)}."
        )
    folder, with_top, without_top = PUBLISHED[name]
    file = f"{name}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    path = keras_home() / "models" / file
    try:
        with keep_if_deleted(path) as deleted:
            return Path(
                keras.utils.get_file(
                    file,
                    f"{ADDRESS}/{folder}/{file}",
                    cache_subdir="models",
                    file_hash=with_top if include_top else without_top,
                )
            )
    except Exception as error:  # Keras raises a bare Exception where a download fails
        problem = "are not on this machine"
        if deleted.moved_to:
            problem = f"had another hash than Keras knows, were moved to {deleted.moved_to.name},"
        raise MissingDataError(
            f"The weights {file} {problem} and cannot be fetched ({error}); put that file into "
            f"{path.parent}, or give a file of your own as weights."
        ) from error


def _arrays_of(file: h5py.File) -> dict[str, list[h5py.Dataset]] | list[tuple[str, list]]:
    """Return the datasets of each layer, by name or in order.

    Files of `save_weights` have the layers' names. Published files have the names of 2018
    ("conv1/conv", "probs", "fc1000"), so Keras reads them by order, and so do we.
    """
    if "layer_names" not in file.attrs:
        groups = [group["vars"] for group in file["layers"].values() if "vars" in group]
        return {
            _text(group.attrs["name"]): [group[key] for key in sorted(group, key=int)]
            for group in groups
        }
    names = [_text(name) for name in file.attrs["layer_names"]]
    arrays = [
        [file[name][_text(weight)] for weight in file[name].attrs["weight_names"]] for name in names
    ]
    return [pair for pair in zip(names, arrays, strict=True) if pair[1]]


def _misfit(path: Path, model: keras.Model, layer: str, needed: list, stored: list) -> str:
    hint = "; adapt_channels=True makes it fit" if _adaptable(stored, needed) else ""
    return (
        f"{path} does not fit {model.name!r}: the layer {layer!r} needs shapes {needed} and the "
        f"file has {stored}{hint}."
    )


def _adaptable(stored: list[tuple], needed: list[tuple]) -> bool:
    """Return whether arrays fit a convolution that only has another number of channels."""
    kernels = [shapes[0] if shapes else () for shapes in (stored, needed)]
    return (
        all(len(kernel) == 4 for kernel in kernels)
        and kernels[0][:2] + kernels[0][3:] == kernels[1][:2] + kernels[1][3:]
        and stored[1:] == needed[1:]
        and stored != needed
    )


def _adapted(arrays: list[np.ndarray], shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return a convolution's arrays for a kernel of that shape, which has other channels."""
    kernel, *rest = arrays
    mean = kernel.mean(axis=2, keepdims=True) * (kernel.shape[2] / shape[2])
    return [np.repeat(mean, shape[2], axis=2), *rest]


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
