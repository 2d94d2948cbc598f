"""Walk the graph of a Keras model, call by call.

Keras has no public way through a model's graph but its serialised form, which knows no shapes. So
this file reads Keras' own nodes, and no other file of the package does.
"""

from dataclasses import dataclass

import keras


@dataclass(frozen=True, eq=False)
class LayerCall:
    """One call of a layer, a nested model or a function of `keras.ops` in a model's graph.

    A layer that is called twice has two of these, which share its weights.

    Attributes:
        operation: The `keras.Layer` or `keras.Operation` that is called.
        path: Its name after those of the models it is nested in, such as "backbone/conv1".
        inputs: The symbolic tensors it takes, in order; empty for an input of the model.
        outputs: The symbolic tensors it returns, in order.
        sources: For each input, the index in the list of calls of the one that returns it.
        positional: The positional arguments of the call, tensors among them.
        keywords: The keyword arguments of the call, such as `training`.
        depth: The longest way from here to an output, in calls; 0 for a call that returns one.
    """

    operation: keras.Operation
    path: str
    inputs: tuple[keras.KerasTensor, ...]
    outputs: tuple[keras.KerasTensor, ...]
    sources: tuple[int, ...]
    positional: tuple
    keywords: dict
    depth: int

    @property
    def is_input(self) -> bool:
        """Whether this is an input of the model, which reads nothing."""
        return not self.inputs


def as_functional(model: keras.Model) -> keras.Model:
    """Return the functional model that a Sequential is made of.

    Args:
        model: Any model or layer.

    Returns:
        A functional model for a `keras.Sequential` that is built, else `model` itself.
    """
    functional = model._functional if isinstance(model, keras.Sequential) else None
    return model if functional is None else functional


def has_graph(model) -> bool:
    """Return whether an object is a model whose graph can be walked.

    Args:
        model: Any object. Functional models and built Sequential ones have a graph. A model that
            is written as a class, and a layer, have none.
    """
    return hasattr(as_functional(model), "_nodes_by_depth")


def layer_calls(model: keras.Model, *, nested: bool = False) -> list[LayerCall]:
    """Return the calls in a model's graph, each after those whose outputs it reads.

    Args:
        model: A functional or Sequential model.
        nested: Whether to replace the call of a model inside by the calls in its own graph. A model
            inside that has no graph stays one call.

    Returns:
        The calls, the inputs of the model among them; empty for a model without a graph.
    """
    return _walked(model, nested)[0]


def output_calls(model: keras.Model, *, nested: bool = False) -> list[int]:
    """Return which calls in a model's graph give its outputs.

    Args:
        model: A functional or Sequential model.
        nested: As `layer_calls` takes it.

    Returns:
        For each output, the index of a call in what `layer_calls` returns; empty for a model without
        a graph.
    """
    _, makers = _walked(model, nested)
    return [makers[id(tensor)] for tensor in as_functional(model).outputs] if makers else []


def _walked(model: keras.Model, nested: bool) -> tuple[list[LayerCall], dict[int, int]]:
    """Return the calls, and the index of the call behind each tensor's id."""
    calls: list[LayerCall] = []
    makers: dict[int, int] = {}
    if has_graph(model):
        _collect(as_functional(model), "", makers, calls, nested)
    return calls, makers


def _collect(graph, prefix: str, makers: dict[int, int], calls: list[LayerCall], nested: bool):
    """Append the calls of one graph; `makers` has the index of the call behind each tensor's id."""
    # `layer.output` would be that of the layer's first call, perhaps in another model's graph.
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            operation, inputs, outputs = node.operation, node.input_tensors, node.outputs
            if not inputs and id(outputs[0]) in makers:
                continue  # the input of a nested model is a tensor of the model around it
            sources = [makers[id(tensor)] for tensor in inputs if id(tensor) in makers]
            path = prefix + operation.name
            if nested and has_graph(operation):
                inside = as_functional(operation)
                inner = dict(zip(map(id, inside.inputs), sources, strict=True))
                _collect(inside, f"{path}/", inner, calls, nested)
                made = [inner[id(tensor)] for tensor in inside.outputs]
            else:
                made = [len(calls)] * len(outputs)
                calls.append(
                    LayerCall(
                        operation,
                        path,
                        tuple(inputs),
                        tuple(outputs),
                        tuple(sources),
                        tuple(node.arguments.args),
                        node.arguments.kwargs,
                        depth,
                    )
                )
            makers.update(zip(map(id, outputs), made, strict=True))


def recorded_calls(layer: dict) -> list:
    """Return the calls of a layer that a model's saved configuration records.

    Args:
        layer: The layer's part of the configuration.

    Returns:
        What it was called on, an item a call; empty where nothing is recorded.
    """
    return layer.get("inbound_nodes") or []


def recorded_sources(value) -> list[tuple[str, int]]:
    """Return the layers whose outputs a call reads.

    Args:
        value: A call as `recorded_calls` returns it.

    Returns:
        The names of the layers, and which of their calls, counted from 0.
    """
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        config = value.get("config")
        history = config.get("keras_history") if isinstance(config, dict) else None
        if isinstance(history, list) and len(history) == 3 and isinstance(history[1], int):
            return [(str(history[0]), history[1])]
        return []
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return []
    return [source for each in inner for source in recorded_sources(each)]
