"""The state of a training as arrays and JSON, and back: variables, and callbacks' attributes."""

import contextlib
from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from cnnkit.errors import RunFolderError

ARRAY, TUPLE, OP = "__array__", "__tuple__", "__op__"  # what JSON has no word for
# What Keras gives to every callback, and what its CSVLogger reads from the file that it adds to.
NOT_STATE = ("_model", "model", "params", "append_header")


def variables_of(model: keras.Model) -> dict[str, list[keras.Variable]]:
    """Return what training changes.

    On JAX, a step's own state is ahead of the variables within an epoch; they are synchronised first.

    Args:
        model: A compiled model.

    Returns:
        Lists of variables by group: "model", with its seed generators, "optimizer", "metrics".
    """
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }


def arrays_of(group: str, variables: Iterable[keras.Variable]) -> dict[str, np.ndarray]:
    """Return copies of variables as arrays.

    Args:
        group: The first part of each name.
        variables: In an order that stays the same.

    Returns:
        Arrays by names that sort in this order, such as `model/0003/conv1/kernel`.
    """
    return {
        f"{group}/{number:04d}/{variable.path}": _plain(ops.convert_to_numpy(variable))
        for number, variable in enumerate(variables)
    }


def assign(group: str, variables: Iterable[keras.Variable], arrays: dict[str, np.ndarray]) -> None:
    """Assign to variables what `arrays_of` returned.

    They are matched by position: Keras may number names differently in another process.

    Args:
        group: As in `arrays_of`.
        variables: As in `arrays_of`.
        arrays: Arrays by name; those of other groups are ignored.

    Raises:
        RunFolderError: Number or shapes differ.
    """
    variables = list(variables)
    saved = [array for name, array in sorted(arrays.items()) if name.startswith(f"{group}/")]
    shapes = [tuple(array.shape) for array in saved]
    wanted = [tuple(variable.shape) for variable in variables]
    if shapes != wanted:
        raise RunFolderError(
            f"The checkpoint's {group} has {len(shapes)} variables, and this one's {len(wanted)} "
            "have not all the same shapes: the network or the optimizer is another one."
        )
    for variable, array in zip(variables, saved, strict=True):
        like = ops.convert_to_numpy(variable).dtype
        variable.assign(array.view(like) if like.kind == "V" else array)


def state_of_callbacks(
    callbacks: Iterable[keras.callbacks.Callback], before: Iterable[dict]
) -> tuple[list, dict]:
    """Return the state of callbacks as JSON, and the arrays that it refers to.

    A callback with `get_state() -> dict` and `set_state(dict)` defines its state itself. For others,
    such as Keras' own, it is every attribute made of numbers, texts, None, arrays and functions of
    keras.ops that has changed since training began.

    Args:
        callbacks: In their order.
        before: The `attributes_of` each callback when training began.

    Returns:
        (states, arrays by name).
    """
    arrays, states = {}, []
    for number, (callback, known) in enumerate(zip(callbacks, before, strict=True)):
        if hasattr(callback, "get_state"):
            own, known = callback.get_state(), {}
        else:
            own = attributes_of(callback)
        changed = {
            name: _packed(value, f"callback/{number}/{name}", arrays)
            for name, value in own.items()
            if name not in known or not _same(value, known[name])
        }
        states.append({"kind": type(callback).__name__, "state": changed})
    return states, arrays


def attributes_of(callback: keras.callbacks.Callback) -> dict:
    """Return copies of the attributes that are made of numbers, texts, None and arrays.

    Args:
        callback: Any callback.
    """
    attributes = {}
    for name, value in vars(callback).items():
        arrays = {}
        with contextlib.suppress(TypeError):
            if name not in NOT_STATE:
                attributes[name] = _unpacked(_packed(value, name, arrays), arrays)
    return attributes


def callback_settings(callback: keras.callbacks.Callback) -> dict:
    """Return a callback's kind and settings, as far as JSON can hold them.

    Args:
        callback: A callback that has not begun to train.
    """
    plain = (bool, int, float, str, type(None))
    own = attributes_of(callback).items()
    return {"kind": type(callback).__name__} | {k: v for k, v in own if isinstance(v, plain)}


def restore_callbacks(
    callbacks: Iterable[keras.callbacks.Callback], states: list, arrays: dict[str, np.ndarray]
) -> None:
    """Restore in callbacks what `state_of_callbacks` returned, each in the next one of its kind.

    New callbacks stay as they are; the state of callbacks that are gone is dropped.

    Args:
        callbacks: In their order.
        states: As `state_of_callbacks` returned them.
        arrays: Likewise.
    """
    left = list(states)
    for callback in callbacks:
        own = next((each for each in left if each["kind"] == type(callback).__name__), None)
        if own is None:
            continue
        left.remove(own)
        state = {name: _unpacked(value, arrays) for name, value in own["state"].items()}
        if hasattr(callback, "set_state"):
            callback.set_state(state)
        else:
            vars(callback).update(state)


def _plain(array: np.ndarray) -> np.ndarray:
    """Return a copy; of bfloat16 and its like, which files of arrays may not know, the bits."""
    if array.dtype.kind == "V":
        array = array.view(f"uint{8 * array.dtype.itemsize}")
    return np.array(array)


def _packed(value, name: str, arrays: dict):
    """Return a value as JSON, its arrays put into `arrays`; raises TypeError where that fails."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biuf":
        arrays[name] = np.array(value)
        return {ARRAY: name}
    # Keras' callbacks that monitor a metric keep keras.ops.less or greater, and what goes with it.
    operation = getattr(value, "__name__", "")
    if getattr(ops, operation, None) is value:
        return {OP: operation}
    if isinstance(value, (list, tuple)):
        items = [_packed(item, f"{name}/{place}", arrays) for place, item in enumerate(value)]
        return items if isinstance(value, list) else {TUPLE: items}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _packed(item, f"{name}/{key}", arrays) for key, item in value.items()}
    raise TypeError(f"{name} is a {type(value).__name__}")


def _same(one, other) -> bool:
    arrays, others = {}, {}
    return (
        _packed(one, "", arrays) == _packed(other, "", others)
        and arrays.keys() == others.keys()
        and all(np.array_equal(arrays[name], others[name]) for name in arrays)
    )


def _unpacked(value, arrays: dict):
    if isinstance(value, list):
        return [_unpacked(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if ARRAY in value:
        return np.array(arrays[value[ARRAY]])
    if OP in value:
        return getattr(ops, value[OP])
    if TUPLE in value:
        return tuple(_unpacked(item, arrays) for item in value[TUPLE])
    return {key: _unpacked(item, arrays) for key, item in value.items()}
