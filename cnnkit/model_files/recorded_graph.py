"""The graph that a model file records: how much work it is to build it, counted before it is built.

A network inside another can be called several times, and itself holds one that is. So a few kilobytes
can stand for any number of layers.
"""

import os

from cnnkit.errors import RefusedFileError
from cnnkit.keras_graph.walk import recorded_calls, recorded_sources
from cnnkit.model_files.keras_objects import VALUES

MAX_CALLS = 200_000  # of layers and their parts; NASNetLarge has 6,000
MAX_TRIES = 500_000  # to call a layer; Keras needs one for each in an ordinary file


def check_graph(path: str | os.PathLike, configuration: dict) -> None:
    """Refuse a graph that takes hours to build.

    Args:
        path: The model file, for messages.
        configuration: Its configuration, no deeper than Python can follow; calls are lists.

    Raises:
        RefusedFileError: Its layers are called too often, or stand in an order that takes too long.
    """
    calls = _calls(configuration, {})
    if calls > MAX_CALLS:
        raise RefusedFileError(
            f"{path} is refused: networks in one another make {calls:,} calls of layers, and at most "
            f"{MAX_CALLS:,} are allowed."
        )
    left = MAX_TRIES
    for kind, layers in _networks(configuration):
        # Keras calls the layers of a Sequential again for each that it adds.
        left -= len(layers) ** 2 // 2 if kind == "Sequential" else _tries(layers, left)
        if left < 0:
            raise RefusedFileError(
                f"{path} is refused: it has so many layers, or in such an order, that Keras has to try "
                f"more than {MAX_TRIES:,} times to call one; save the model again as a smaller one."
            )


def _calls(value, shared: dict) -> int:
    """Return how often layers and their parts are called, through all networks inside.

    `shared` has the calls in objects that Keras does not build a second time: a file refers to them
    by a number.
    """
    if isinstance(value, list):
        return sum(_calls(each, shared) for each in value)
    if not isinstance(value, dict) or value.get("class_name") in VALUES:
        return 0
    inside = sum(_calls(each, shared) for each in value.values())
    if "class_name" not in value:
        return inside
    number = value.get("shared_object_id")
    if isinstance(number, int | str):
        inside = shared[number] = max(inside, shared.get(number, 0))
    return max(1, len(recorded_calls(value))) * (1 + inside)


def _networks(value):
    """Yield the class and the layers of each network in a configuration."""
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        layers = value["config"].get("layers")
        if isinstance(layers, list) and all(isinstance(each, dict) for each in layers):
            yield value.get("class_name"), layers
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for each in inner:
            yield from _networks(each)


def _tries(layers: list[dict], most: int) -> int:
    """Return how often Keras tries to call the layers of a network, or more than `most`.

    It goes through them again and again, and calls those whose inputs are there.
    """
    made = {str(each.get("name")): 1 for each in layers if each.get("class_name") == "InputLayer"}
    waiting = {
        str(each.get("name")): [recorded_sources(call) for call in recorded_calls(each)]
        for each in layers
        if recorded_calls(each)
    }
    tries, is_moving = 0, True
    while waiting and is_moving and tries <= most:
        is_moving = False
        for name in list(waiting):
            calls, tries = waiting[name], tries + 1
            while calls and all(node < made.get(source, 0) for source, node in calls[0]):
                calls.pop(0)
                made[name] = made.get(name, 0) + 1
                is_moving = True
            if not calls:
                del waiting[name]
    return tries  # where nothing moves, Keras itself says that layers wait for each other
