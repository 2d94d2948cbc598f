"""What a model or weights file holds, read from its headers: nothing is built, no array is read."""

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import safetensors

from cnnkit.errors import SettingError
from cnnkit.model_files import configuration, keras_objects
from cnnkit.model_files.archive import unpacked
from cnnkit.model_files.hdf5 import arrays_in, open_weights
from cnnkit.model_files.local_file import check_local_file

KINDS = "a .keras file, weights in .h5 or .safetensors, or a run folder"
HDF5 = (".h5", ".hdf5")
SAFETENSORS = ".safetensors"
MAX_HEADER_BYTES = 1 << 24  # of safetensors; a network of 10,000 arrays has 1 MiB


@dataclass(frozen=True)
class LayerFacts:
    """A layer as a file describes it.

    Attributes:
        path: Its name after those of the models that it is nested in, such as "backbone/conv1".
        kind: Its class; "" in a file of weights alone.
        input_shape: Of a batch, as the file has it; None where it does not say.
        arrays: The shape of each of its arrays, by name.
    """

    path: str
    kind: str
    input_shape: tuple | None = None
    arrays: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def parameters(self) -> int:
        """How many numbers its arrays have."""
        return sum(math.prod(shape) for shape in self.arrays.values())


@dataclass(frozen=True)
class ModelFacts:
    """What a model or weights file holds.

    Attributes:
        kind: What the file is, in words.
        file_bytes: Its size.
        array_bytes: The size of all of its arrays, once they are read.
        layers: Its layers, those of models inside among them.
        custom_objects: Why each object that is none of Keras' own would be refused, by name; "" for
            one that is registered here, or of cnnkit's.
        compiled: Names of the optimizer and the loss that the model was compiled with.
        versions: What wrote the file, and when, by name.
        metadata: The text of a .keras file's metadata.json.
    """

    kind: str
    file_bytes: int
    array_bytes: int
    layers: tuple[LayerFacts, ...]
    custom_objects: Mapping[str, str] = field(default_factory=dict)
    compiled: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    metadata: bytes = b"{}"

    @property
    def parameters(self) -> int:
        """How many numbers all layers have, as Keras' `count_params`."""
        return sum(layer.parameters for layer in self.layers)


def inspect(path: str | os.PathLike) -> ModelFacts:
    """Read what a model or weights file holds, without building a model or reading its arrays.

    Args:
        path: A `.keras` file, or weights in `.h5` or `.safetensors`.

    Returns:
        Its layers, arrays and sizes; of a `.keras` file also what it would take to open it.

    Raises:
        MissingDataError: There is no such file.
        SettingError: It is of another kind, or damaged.
        RefusedFileError: It refers to other files, or declares far more than it holds.
    """
    size = check_local_file(path, "model file")
    suffix = Path(path).suffix.lower()
    if suffix in HDF5:
        return _of_hdf5(path, size)
    if suffix == SAFETENSORS:
        return _of_safetensors(path, size)
    if suffix != ".keras":
        raise SettingError(f"{path} is of no kind that is read here: give {KINDS}.")
    return _of_keras(path, size)


def _of_keras(path: str | os.PathLike, size: int) -> ModelFacts:
    with unpacked(path) as contents:
        config = configuration.parse(path, contents.configuration)
        layers = {layer.path: layer for layer in _layers(config, "")}
        with open_weights(contents.weights) as file:
            stored = [each for each in arrays_in(file) if not _is_of_training(each)]
            array_bytes = sum(each.nbytes for each in stored)
            layers |= _with_arrays(layers, stored)
    compile_config = config.pop("compile_config", None)
    return ModelFacts(
        kind="a model of Keras",
        file_bytes=size,
        array_bytes=array_bytes,
        layers=tuple(layers.values()),
        custom_objects=_custom_objects(path, config),
        compiled=_compiled(compile_config),
        versions=_versions(contents.metadata),
        metadata=contents.metadata,
    )


def _custom_objects(path: str | os.PathLike, config: dict) -> dict[str, str]:
    custom = {}
    for each in configuration.named_in(path, config):
        kind, reason = str(each["class_name"]), configuration.objection_to(each)
        name = kind if kind in keras_objects.REFUSED else configuration.name_of(each)
        if reason or name:
            custom[name or kind] = reason
    return custom


def _layers(config: dict, prefix: str) -> Iterator[LayerFacts]:
    """Yield the layers of a model's configuration, those of models inside in place of these."""
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    for each in layers if isinstance(layers, list) else ():
        if not isinstance(each, dict) or not isinstance(each.get("config"), dict):
            continue
        kind, own = str(each.get("class_name")), each["config"]
        path = f"{prefix}{each.get('name') or own.get('name')}"
        if kind in keras_objects.MODELS and own.get("layers"):
            yield from _layers(each, f"{path}/")
            continue
        built = each.get("build_config")
        shape = own.get("batch_shape") or (
            built.get("input_shape") if isinstance(built, dict) else None
        )
        yield LayerFacts(path, kind, tuple(shape) if isinstance(shape, list) else None)


def _with_arrays(
    layers: Mapping[str, LayerFacts], stored: list[h5py.Dataset]
) -> dict[str, LayerFacts]:
    """Return the layers that arrays belong to, with these; arrays of no known layer make their own."""
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for array in stored:
        owner, name = _owner(array, layers)
        found.setdefault(owner, {})[name] = array.shape
    return {
        owner: LayerFacts(
            owner,
            layers[owner].kind if owner in layers else "",
            layers[owner].input_shape if owner in layers else None,
            arrays,
        )
        for owner, arrays in found.items()
    }


def _owner(array: h5py.Dataset, layers: Mapping[str, LayerFacts]) -> tuple[str, str]:
    """Return the path of the layer that an array is of, and the array's name in it."""
    parts, names, place = array.name.strip("/").split("/"), [], array.file
    for number, part in enumerate(parts[:-1]):
        place = place[part]
        if number and parts[number - 1] == "layers":
            # Groups have names of their own; each notes that of the layer.
            variables = place.get("vars")
            name = part if variables is None else variables.attrs.get("name", part)
            names.append(str(name))
            is_innermost = "layers" not in parts[number:]
            if "/".join(names) in layers or (not layers and is_innermost):
                return "/".join(names), "/".join(parts[number + 1 :])
    return "/".join(parts[:-1]), parts[-1]


def _is_of_training(array: h5py.Dataset) -> bool:
    """Return whether an array is the state of an optimizer, or of a generator of random numbers."""
    parts = array.name.strip("/").split("/")
    return parts[0] == "optimizer" or "seed_generator" in parts


def _compiled(compile_config) -> tuple[str, ...]:
    config = compile_config if isinstance(compile_config, dict) else {}
    named = (config.get("optimizer"), config.get("loss"))
    return tuple(
        str(each.get("class_name") if isinstance(each, dict) else each) for each in named if each
    )


def _versions(metadata: bytes) -> dict[str, str]:
    try:
        content = json.loads(metadata)
    except (ValueError, RecursionError):
        return {}
    known = {"keras_version": "Keras", "date_saved": "saved"}
    content = content if isinstance(content, dict) else {}
    return {title: str(content[name]) for name, title in known.items() if name in content}


def _of_hdf5(path: str | os.PathLike, size: int) -> ModelFacts:
    with open_weights(path) as file:
        stored = [each for each in arrays_in(file) if not _is_of_training(each)]
        return ModelFacts(
            kind="weights of Keras in HDF5",
            file_bytes=size,
            array_bytes=sum(each.nbytes for each in stored),
            layers=tuple(_with_arrays({}, stored).values()),
            versions={"Keras": _text(file.attrs["keras_version"])}
            if "keras_version" in file.attrs
            else {},
        )


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _of_safetensors(path: str | os.PathLike, size: int) -> ModelFacts:
    groups: dict[str, dict[str, tuple[int, ...]]] = {}
    with open(path, "rb") as file:
        header = int.from_bytes(file.read(8), "little")
    try:
        if header > min(MAX_HEADER_BYTES, size):
            raise ValueError(f"its header has {header:,} bytes")
        with safetensors.safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118  # it is no mapping
                owner, _, last = name.rpartition(".")
                shape = tuple(file.get_slice(name).get_shape())
                groups.setdefault(owner, {})[last] = shape
            versions = dict(file.metadata() or {})
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise SettingError(f"{path} is no whole file of safetensors: {error}.") from None
    return ModelFacts(
        kind="weights in safetensors",
        file_bytes=size,
        array_bytes=size - 8 - header,
        layers=tuple(LayerFacts(owner, "", None, arrays) for owner, arrays in groups.items()),
        versions=versions,
    )
