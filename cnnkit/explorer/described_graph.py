"""A network run layer by layer as its document describes it, with values added on the way."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
from keras import ops

from cnnkit.explorer.layers import named_calls
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.walk import LayerCall


class DescribedGraph:
    """The calls of a functional model by the names that its document gives them.

    Args:
        model: The model.
        network: `document(model, ...).network`.

    Attributes:
        layers: The document's layers by name.
        variables: All variables of the model.
    """

    def __init__(self, model: keras.Model, network: dict):
        calls = named_calls(model)
        self.layers: dict[str, dict] = {each["name"]: each for each in network["layers"]}
        self.variables = list(model.variables)
        self._calls = {name: calls[name] for name in self.layers if name in calls}

    def weights_of(self, name: str) -> list:
        """Return a layer's variables, in the order of the document.

        Args:
            name: The layer's name.
        """
        return self._calls[name].operation.weights if name in self._calls else []

    def outputs(
        self,
        batch,
        values: Sequence,
        moved: Mapping[int, Any] | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return every layer's output, as tensors.

        Args:
            batch: One picture with a batch axis.
            values: The values of `variables`.
            moved: What is added to variables, by their `id`, flat.
            changes: What is added to layers' outputs, by name, flat.

        Returns:
            Tensors with a batch axis, by layer.
        """
        with self._with_weights(values, moved or {}):
            return self._run(batch, changes or {})

    @contextmanager
    def _with_weights(self, values: Sequence, moved: Mapping[int, Any]) -> Iterator[None]:
        """Use these values, and what is added to some of them, as the model's weights."""
        state = []
        for variable, value in zip(self.variables, values, strict=True):
            change = moved.get(id(variable))
            if change is not None:
                value = value + ops.cast(ops.reshape(change, variable.shape), value.dtype)
            state.append((variable, value))
        with keras.StatelessScope(state_mapping=state), ExitStack() as undo:
            for name, call in self._calls.items():
                if _lost_its_activation(call.operation, self.layers[name]):
                    linear = hooks.replaced(call.operation, "activation", keras.activations.linear)
                    undo.enter_context(linear)
            yield

    def _run(self, batch, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return every layer's output, with a batch axis; `changes` are added to them."""
        outputs: dict[str, Any] = {}
        for name, layer in self.layers.items():
            call = self._calls.get(name)
            if call is None:  # the document ends scores by a softmax or sigmoid
                function = getattr(keras.activations, layer["config"]["function"])
                result = function(outputs[layer["inputs"][0]])
            elif call.is_input:
                result = batch
            else:
                positional, keywords = self._arguments(call, layer["inputs"], outputs)
                result = call.operation(*positional, **keywords)
            if name in changes:
                change = ops.reshape(changes[name], (1, *layer["shape"]))
                result = result + ops.cast(change, result.dtype)
            outputs[name] = result
        return outputs

    def _arguments(self, call: LayerCall, reads: list[str], outputs: dict) -> tuple[tuple, dict]:
        """Return what a layer is called with: the outputs of those that it reads."""
        read = dict(zip(map(id, call.inputs), reads, strict=True))

        def given(value):
            return outputs[read[id(value)]] if id(value) in read else value

        keywords = {name: value for name, value in call.keywords.items() if name != "training"}
        return keras.tree.map_structure(given, (call.positional, keywords))


def _lost_its_activation(operation, layer: dict) -> bool:
    """Whether the document has a layer's softmax or sigmoid as a layer of its own."""
    activation = getattr(operation, "activation", None)
    name = getattr(activation, "__name__", "")
    return name in ("softmax", "sigmoid") and layer["config"].get("activation") == "linear"
