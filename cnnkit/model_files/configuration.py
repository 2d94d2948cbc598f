"""The configuration in a model file: what it may name, checked before Keras makes anything of it."""

import importlib
import importlib.util
import json
import os
from collections.abc import Iterator

import keras
import numpy as np

from cnnkit.errors import RefusedFileError, SettingError
from cnnkit.keras_graph.walk import recorded_calls
from cnnkit.model_files import keras_objects

MAX_DEPTH = 100  # lists and objects in one another; keras.applications has 11
MAX_OBJECTS = 50_000  # layers and their parts; NASNetLarge has 6,000
MAX_BRACKETS = 500_000  # lists and objects of all kinds, each some 100 bytes of memory
# Where cnnkit registers what a network of its own may hold. Names, because all of these rooms stand
# above this one; a module is imported only if a file has something of it.
OWN = {
    f"cnnkit>{name}": f"cnnkit.{module}"
    for module, names in {
        "models.families.layers": "LocalResponseNormalization GroupedConv2D PaddedShortcut",
        "models.families.lenet5_1998": "squash Subsampling TableConvolution RadialBasis",
        "data.augmentation.random_layers": "OneOf Elastic Mixed",
    }.items()
    for name in names.split()
}
HUB = "keras_hub."


def read(path: str | os.PathLike, text: bytes, *, trust: bool = False) -> dict:
    """Return a model's configuration, which names nothing but what a network is made of.

    Losses and optimizers are left out, also those of networks inside: the model is for use.

    Args:
        path: The model file, for messages.
        text: Its config.json.
        trust: Whether it may name anything, code that it brings included.

    Returns:
        What `keras.saving.deserialize_keras_object` takes.

    Raises:
        SettingError: It is no configuration.
        RefusedFileError: It is too large, or names what is not allowed.
    """
    # Counted before anything is made of them: 16 MiB of text could be a gigabyte of empty lists.
    if text.count(b"[") + text.count(b"{") > MAX_BRACKETS:
        raise RefusedFileError(
            f"{path} is refused: its configuration has more than {MAX_BRACKETS:,} lists and objects."
        )
    try:
        configuration = json.loads(text)
        if not isinstance(configuration, dict) or "class_name" not in configuration:
            raise ValueError("it names no model")
    except RecursionError:
        raise RefusedFileError(_too_deep(path)) from None
    except ValueError as error:
        raise SettingError(f"The configuration in {path} cannot be read: {error}.") from None
    objects = [value for value in _values(path, configuration) if isinstance(value, dict)]
    named = [each for each in objects if "class_name" in each]
    if len(named) > MAX_OBJECTS:
        raise RefusedFileError(
            f"{path} is refused: it has {len(named):,} layers and parts, and at most "
            f"{MAX_OBJECTS:,} are read."
        )
    for each in named:
        each.pop("compile_config", None)
    for each in objects:
        _check_calls(path, each)
    if not trust:
        # What compile_config held is not looked at.
        for each in _values(path, configuration):
            if isinstance(each, dict) and "class_name" in each:
                _check_named(path, each)
                _check_amounts(path, each)
    return configuration


def _values(path: str | os.PathLike, configuration: dict) -> Iterator:
    """Yield every value in it, each before what it holds."""
    pending = [(configuration, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise RefusedFileError(_too_deep(path))
        yield value
        inner = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            pending.extend((each, depth + 1) for each in inner)


def _too_deep(path: str | os.PathLike) -> str:
    return f"{path} is refused: its configuration nests deeper than {MAX_DEPTH}."


def _check_calls(path: str | os.PathLike, layer: dict) -> None:
    """Check that a layer is called on outputs of other layers: on numbers, it would run at once."""
    for node in recorded_calls(layer):
        values = _values(path, {"node": node})
        if not any(
            isinstance(each, dict) and each.get("class_name") == "__keras_tensor__"
            for each in values
        ):
            raise RefusedFileError(
                f"{path} is refused: its layer {layer.get('name')!r} is called on no other layer."
            )


def _check_named(path: str | os.PathLike, named: dict) -> None:
    """Refuse one object of a configuration unless it is Keras', cnnkit's or registered here."""
    kind, module = str(named["class_name"]), str(named.get("module") or "")
    if kind in keras_objects.REFUSED:
        raise RefusedFileError(
            f"{path} is refused: it holds {kind}, which {keras_objects.REFUSED[kind]}; if you trust "
            "who made it, allow that (--trust, or trust=True)."
        )
    if kind in keras_objects.VALUES:
        _check_value(path, named)
        return
    if kind == "function":  # its name is its registered one, and `registered_name` says no more
        name = registered = str(named.get("config"))
        allowed = keras_objects.is_allowed_function(module, name)
    else:
        name, registered = kind, str(named.get("registered_name") or kind)
        allowed = keras_objects.is_allowed_class(module, name)
    if allowed and registered == name:
        return
    if not (_is_registered(registered) or _is_of_hub(path, module, name)):
        place = f"{module}.{name}" if module else registered
        raise RefusedFileError(
            f"{path} is refused: it names {place}, which is none of the layers and functions of "
            "Keras that a network is made of; import the code that registers it, or, if you trust "
            "who made the file, allow that (--trust, or trust=True)."
        )


def _check_amounts(path: str | os.PathLike, named: dict) -> None:
    """Refuse a layer that would compute without end, or make a huge table, when it is called."""
    config = named.get("config")
    for option, largest in keras_objects.LARGEST.items():
        value = config.get(option) if isinstance(config, dict) else None
        if isinstance(value, int | float) and value > largest:
            raise RefusedFileError(
                f"{path} is refused: its layer {named['class_name']} has {option}={value:,}, and at "
                f"most {largest:,} is read; if you trust who made it, allow that (--trust, or "
                "trust=True)."
            )


def _is_registered(name: str) -> bool:
    """Return whether this process has such a layer, without importing what a file names."""
    if name.startswith("keras_hub>"):  # which registers readers of files, too
        return False
    if name in OWN:
        importlib.import_module(OWN[name])
    return ">" in name and keras.saving.get_registered_object(name) is not None


def _is_of_hub(path: str | os.PathLike, module: str, name: str) -> bool:
    """Return whether a class is a network of KerasHub, and not one of its readers of files."""
    if not module.startswith(f"{HUB}src.") or "tokenizer" in module or "preprocessor" in module:
        return False
    if importlib.util.find_spec("keras_hub") is None:
        raise SettingError(
            f'{path} has layers of KerasHub, which is not here: pip install "cnnkit[hub]".'
        )
    return name.isidentifier()


def _check_value(path: str | os.PathLike, value: dict) -> None:
    dtype = (value.get("config") or {}).get("dtype", "float32")
    try:
        numbers = isinstance(dtype, str) and (dtype == "bfloat16" or np.dtype(dtype).kind in "fiub")
    except TypeError:
        numbers = False
    if not numbers:
        raise RefusedFileError(f"{path} is refused: it has a constant of {dtype!r}, no number.")
