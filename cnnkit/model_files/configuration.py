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
from cnnkit.model_files.keras_objects import TRUST
from cnnkit.model_files.recorded_graph import check_graph

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
    configuration = parse(path, text)
    objects = [each for each in _values(path, configuration) if isinstance(each, dict)]
    for each in objects:
        if "class_name" in each:
            each.pop("compile_config", None)
        _check_calls(path, each)
    check_graph(path, configuration)
    if not trust:
        for each in named_in(path, configuration):
            reason = objection_to(each)
            if reason:
                raise RefusedFileError(f"{path} is refused: it has {reason}.")
    if importlib.util.find_spec("keras_hub") is None and any(
        str(each.get("module")).startswith(HUB) for each in objects
    ):
        raise SettingError(
            f'{path} has layers of KerasHub, which is not here: pip install "cnnkit[hub]".'
        )
    return configuration


def parse(path: str | os.PathLike, text: bytes) -> dict:
    """Return a model's configuration, whatever it names, if it is no larger than a network's.

    Args:
        path: The model file, for messages.
        text: Its config.json.

    Returns:
        What `keras.saving.deserialize_keras_object` takes.

    Raises:
        SettingError: It is no configuration.
        RefusedFileError: It is too large.
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
    count = len(named_in(path, configuration))
    if count > MAX_OBJECTS:
        raise RefusedFileError(
            f"{path} is refused: it has {count:,} layers and parts, and at most {MAX_OBJECTS:,} are "
            "read."
        )
    return configuration


def named_in(path: str | os.PathLike, configuration: dict) -> list[dict]:
    """Return the objects in a configuration that name a class or a function.

    Args:
        path: The model file, for messages.
        configuration: As `parse` returns it.

    Returns:
        Each of them, those of a compiled model's loss and optimizer included if they are there.

    Raises:
        RefusedFileError: It nests too deeply.
    """
    values = _values(path, configuration)
    return [each for each in values if isinstance(each, dict) and "class_name" in each]


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
    calls = recorded_calls(layer)
    for node in calls if isinstance(calls, list) else [None]:
        values = _values(path, {"node": node})
        if not any(
            isinstance(each, dict) and each.get("class_name") == "__keras_tensor__"
            for each in values
        ):
            raise RefusedFileError(
                f"{path} is refused: its layer {layer.get('name')!r} is called on no other layer."
            )


def objection_to(named: dict) -> str:
    """Return why one object of a configuration is not accepted unless its maker is trusted.

    Args:
        named: An object that names a class or a function.

    Returns:
        What it is and what speaks against it; "" if it is Keras', cnnkit's or registered here.
    """
    kind = str(named["class_name"])
    if kind in keras_objects.REFUSED:
        return f"{kind}, which {keras_objects.REFUSED[kind]}; {TRUST}"
    if kind in keras_objects.VALUES:
        return _objection_to_value(named)
    name = name_of(named)
    if name and not (_is_registered(name) or _is_of_hub(named)):
        return (
            f"{name}, which is none of the layers and functions of Keras that a network is made of; "
            f"import the code that registers it, or, {TRUST}"
        )
    return _objection_to_amounts(named)


def name_of(named: dict) -> str:
    """Return the name of what is not a part of Keras that a network may have.

    Args:
        named: An object that names a class or a function.

    Returns:
        Its registered name, "mine>Twice", or module and name; "" for one of Keras' own.
    """
    kind, module = str(named["class_name"]), str(named.get("module") or "")
    if kind in keras_objects.VALUES:
        return ""
    if kind == "function":  # its name is its registered one, and `registered_name` says no more
        name = registered = str(named.get("config"))
        allowed = keras_objects.is_allowed_function(module, name)
    else:
        name, registered = kind, str(named.get("registered_name") or kind)
        allowed = keras_objects.is_allowed_class(module, name)
    if allowed and registered == name:
        return ""
    return registered if ">" in registered or not module else f"{module}.{name}"


def _objection_to_amounts(named: dict) -> str:
    """Return why a layer would compute without end, or make a huge table, when it is called."""
    config = named.get("config")
    for option, largest in keras_objects.LARGEST.items():
        value = config.get(option) if isinstance(config, dict) else None
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, int | float) and each > largest:
                kind = named["class_name"]
                return (
                    f"a layer {kind} of {option}={each:,}, and at most {largest:,} is read; {TRUST}"
                )
    return ""


def _is_registered(name: str) -> bool:
    """Return whether this process has such a layer, without importing what a file names."""
    if name.startswith("keras_hub>"):  # which registers readers of files, too
        return False
    if name in OWN:
        importlib.import_module(OWN[name])
    return ">" in name and keras.saving.get_registered_object(name) is not None


def _is_of_hub(named: dict) -> bool:
    """Return whether a class is a network of KerasHub, and not one of its readers of files."""
    name, module = str(named["class_name"]), str(named.get("module") or "")
    if not module.startswith(f"{HUB}src.") or "tokenizer" in module or "preprocessor" in module:
        return False
    return name.isidentifier()


def _objection_to_value(value: dict) -> str:
    config = value.get("config")
    dtype = config.get("dtype", "float32") if isinstance(config, dict) else "float32"
    try:
        numbers = isinstance(dtype, str) and (dtype == "bfloat16" or np.dtype(dtype).kind in "fiub")
    except TypeError:
        numbers = False
    return "" if numbers else f"a constant of {dtype!r}, no number"
