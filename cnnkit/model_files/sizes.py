"""How much a model makes for one sample: a few numbers of a configuration can ask for gigabytes."""

import math
import os

import keras

from cnnkit.errors import RefusedFileError
from cnnkit.keras_graph.walk import LayerCall, layer_calls
from cnnkit.model_files.keras_objects import TRUST

MAX_NUMBERS = 1 << 28  # that a layer makes for one sample: 1 GiB in float32
OPEN_SIZE = 256  # pixels or steps, where a model takes any number
MAX_STEPS = 1000  # over which a recurrent layer is laid out step by step


def check_sizes(path: str | os.PathLike, model: keras.Model) -> None:
    """Refuse a model that a single sample would make fill the memory.

    Args:
        path: The model file, for messages.
        model: The model; where it takes any size, `OPEN_SIZE` stands for it.

    Raises:
        RefusedFileError: A layer returns or compares too many numbers, or is unrolled too far.
    """
    calls = layer_calls(model, nested=True)
    for call, (inputs, outputs) in zip(calls, _shapes(calls), strict=True):
        _check(path, call, "returns", max(map(math.prod, outputs), default=0), "numbers")
        _check(path, call, "compares", _pairs(call, inputs), "pairs")
        steps = inputs[0][0] if inputs and len(inputs[0]) > 1 else 0
        if steps > MAX_STEPS and _is_unrolled(call):
            raise RefusedFileError(
                f"{path} is refused: its layer {call.path!r} is unrolled over {steps:,} steps, and "
                f"at most {MAX_STEPS:,} are allowed; {TRUST}."
            )


def _check(path: str | os.PathLike, call: LayerCall, verb: str, count: int, what: str) -> None:
    if count > MAX_NUMBERS:
        raise RefusedFileError(
            f"{path} is refused: its layer {call.path!r} {verb} {count:,} {what} for one sample, "
            f"and at most {MAX_NUMBERS:,} are allowed; {TRUST}."
        )


def _shapes(calls: list[LayerCall]) -> list[tuple[list[tuple], list[tuple]]]:
    """Return the shapes, without batch, of what each call takes and returns.

    A network inside that takes any size is called on some size, which its own graph does not tell:
    then Keras works the shapes out again, from the sizes of the outermost inputs.
    """
    tensors = [tensor for call in calls for tensor in (*call.inputs, *call.outputs)]
    if any(None in tensor.shape[1:] for tensor in tensors):
        found = _worked_out(calls)
    else:
        found = [(list(call.inputs), list(call.outputs)) for call in calls]
    return [(list(map(_sizes, inputs)), list(map(_sizes, outputs))) for inputs, outputs in found]


def _sizes(tensor: keras.KerasTensor) -> tuple[int, ...]:
    return tuple(OPEN_SIZE if size is None else size for size in tensor.shape[1:])


def _worked_out(calls: list[LayerCall]) -> list[tuple[list, list]]:
    found: list[tuple[list, list]] = []
    for call in calls:
        inputs = []
        for tensor, source in zip(call.inputs, call.sources, strict=True):
            own = [id(each) for each in calls[source].outputs]
            outputs = found[source][1]
            inputs.append(outputs[own.index(id(tensor)) if id(tensor) in own else 0])
        found.append((inputs, _returned(call, inputs)))
    return found


def _returned(call: LayerCall, inputs: list[keras.KerasTensor]) -> list[keras.KerasTensor]:
    """Return what a call makes of inputs of known size."""
    if call.is_input:
        return [keras.KerasTensor((None, *_sizes(each)), each.dtype) for each in call.outputs]
    known = dict(zip(map(id, call.inputs), inputs, strict=True))
    given = keras.tree.map_structure(
        lambda value: known.get(id(value), value), (call.positional, call.keywords)
    )
    try:
        made = call.operation.compute_output_spec(*given[0], **given[1])
    except Exception:  # which anything raises that does not fit; it will when it is called, too
        return list(call.outputs)
    return keras.tree.flatten(made)


def _pairs(call: LayerCall, shapes: list[tuple]) -> int:
    """Return how many pairs of places an attention layer compares, with all its heads."""
    if not shapes or not type(call.operation).__name__.endswith("Attention"):
        return 0
    config = call.operation.get_config()
    heads = config.get("num_heads") or config.get("num_query_heads") or 1
    places = [math.prod(shape[:-1]) for shape in shapes]
    return heads * places[0] * max(places)


def _is_unrolled(call: LayerCall) -> bool:
    return isinstance(call.operation, keras.Layer) and _says_unroll(call.operation.get_config())


def _says_unroll(config) -> bool:
    """Return whether a layer, or one that it wraps, is laid out step by step."""
    if isinstance(config, dict) and config.get("unroll") is True:
        return True
    inner = config.values() if isinstance(config, dict) else config
    return isinstance(config, dict | list) and any(map(_says_unroll, inner))
