"""What the explorer's page asks of Keras: outputs, gradients and weights of every layer.

The page's own engine, `explorer/web/src/compute`, answers the same questions without Keras.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explorer.document import Document
from cnnkit.explorer.layers import named_calls
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.arrays import as_numpy, in_float32
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.keras_graph.gradients import value_and_gradient
from cnnkit.keras_graph.walk import LayerCall, as_functional
from cnnkit.training.keras_only import in_keras_layers

SMALLEST = 1e-7  # of a probability that is divided by


@dataclass(frozen=True)
class Gradients:
    """Loss of one label, and its gradients; arrays are float32 and have no batch axis.

    Attributes:
        loss: Cross-entropy in nats.
        maps: By layer: the gradient that reaches its output.
        weights: By layer: a gradient for each of its trainable weights.
    """

    loss: float
    maps: dict[str, np.ndarray]
    weights: dict[str, list[np.ndarray]] = field(default_factory=dict)


class KerasEngine:
    """A network that answers the page's questions. Not thread-safe.

    Args:
        model: The model that was described; its weights change when the page changes them.
        document: `document(model, ...)`.

    Attributes:
        document: What the page is told of the network.
    """

    def __init__(self, model: keras.Model, document: Document):
        self._model = as_functional(in_keras_layers(model))
        self.document = document
        self._network = network = document.network
        calls = named_calls(self._model)
        self._layers = {each["name"]: each for each in network["layers"]}
        self._calls: dict[str, LayerCall] = {n: calls[n] for n in self._layers if n in calls}
        self._variables = list(self._model.variables)
        self._trained = [
            (name, self._calls[name].operation.weights[index])
            for name, layer in self._layers.items()
            for index, weight in enumerate(layer["weights"])
            if weight["trainable"]
        ]
        # Calls of one layer share its weights, and each call is told the gradient of all.
        self._moved = list({id(variable): variable for _, variable in self._trained}.values())
        self._before: dict[tuple[str, int], np.ndarray] = {}
        self._forward = compile_function(self._outputs)
        self._backward = compile_function(self._loss_gradients)
        self._scores = compile_function(self._score_gradients)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Height, width and channels of a picture."""
        return tuple(self._network["layers"][0]["shape"])

    @property
    def most_values(self) -> int:
        """How many numbers the largest of a picture and all weights has."""
        weights = [each for layer in self._layers.values() for each in layer["weights"]]
        shapes = [self.input_shape, *(weight["shape"] for weight in weights)]
        return max(int(np.prod(shape)) for shape in shapes)

    def forward(self, picture: np.ndarray) -> dict[str, np.ndarray]:
        """Return every layer's output.

        Args:
            picture: Shape `input_shape`, values as the model takes them.

        Returns:
            By layer, float32, without a batch axis.
        """
        arrays = self._forward(self._batch(picture), *self._values())
        return {name: as_numpy(array)[0] for name, array in zip(self._layers, arrays, strict=True)}

    def backward(self, picture: np.ndarray, label: int) -> Gradients:
        """Return the cross-entropy of a label, with its gradients.

        Args:
            picture: As `forward` takes it.
            label: Index of a class.

        Returns:
            The loss and its gradient at every layer's output and every trainable weight.
        """
        result = self._backward(self._batch(picture), self._chosen(label), *self._values())
        loss, probability, gradient = map(as_numpy, result)
        maps, weights = self._unpacked(gradient)
        last = self._network["layers"][-1]["name"]
        if last != self._network["logits"]:  # the way back begins at the scores
            maps[last] = self._slope(probability.reshape(maps[last].shape), label)
        return Gradients(float(loss), maps, weights)

    def score_gradients(self, picture: np.ndarray, index: int) -> dict[str, np.ndarray]:
        """Return the gradient of one class' score at every layer's output.

        Args:
            picture: As `forward` takes it.
            index: Index of a class.

        Returns:
            By layer, float32, without a batch axis.
        """
        gradient = self._scores(self._batch(picture), self._chosen(index), *self._values())
        return self._unpacked(as_numpy(gradient))[0]

    def weight(self, layer: str, index: int) -> np.ndarray:
        """Return the present values of a weight.

        Args:
            layer: A layer's name in the document.
            index: Which of its weights.
        """
        return as_numpy(self._variable(layer, index))

    def set_weight(self, layer: str, index: int, values: np.ndarray) -> None:
        """Change a weight; `reset` takes that back.

        Args:
            layer: A layer's name in the document.
            index: Which of its weights.
            values: As many as the weight has, finite.

        Raises:
            SettingError: There is no such weight, or the values do not fit.
        """
        variable = self._variable(layer, index)
        if values.size != np.prod(variable.shape) or not np.isfinite(values).all():
            raise SettingError(
                f"Weight {index} of layer {layer!r} takes {int(np.prod(variable.shape))} finite "
                f"numbers, not {values.size}."
            )
        self._before.setdefault((layer, index), as_numpy(variable).copy())
        variable.assign(values.reshape(variable.shape))

    def reset(self) -> None:
        """Give all weights back that were changed."""
        for (layer, index), values in self._before.items():
            self._variable(layer, index).assign(values)
        self._before.clear()

    def _variable(self, layer: str, index: int):
        weights = self._layers.get(layer, {}).get("weights", [])
        if not 0 <= index < len(weights):
            raise SettingError(f"Layer {layer!r} has no weight {index}.")
        return self._calls[layer].operation.weights[index]

    def _batch(self, picture: np.ndarray):
        return ops.convert_to_tensor(picture.reshape(1, *self.input_shape), "float32")

    def _values(self) -> list:
        return [variable.value for variable in self._variables]

    def _chosen(self, label: int):
        count = len(self._network["classNames"])
        if not 0 <= label < count:
            raise SettingError(f"There is no class {label}; classes are 0 to {count - 1}.")
        return ops.convert_to_tensor(np.eye(count, dtype="float32")[label])

    def _slope(self, probabilities: np.ndarray, label: int) -> np.ndarray:
        """Return how the loss changes with the probabilities."""
        slopes = np.zeros_like(probabilities)
        if probabilities.size == 1:
            part = probabilities if label else 1 - probabilities
            return (-1 if label else 1) / np.maximum(part, SMALLEST)
        slopes[label] = -1 / max(probabilities[label], SMALLEST)
        return slopes

    # Compiled: tensors in, tensors out. Weights are arguments, so that changed ones are used.

    def _outputs(self, batch, *values):
        with self._with_weights(values):
            return list(self._run(batch, {}).values())

    def _loss_gradients(self, batch, chosen, *values):
        (loss, probability), gradient = self._pulled_back(batch, chosen, values, self._loss)
        return loss, probability, gradient

    def _score_gradients(self, batch, chosen, *values):
        def score(scores, chosen):
            return ops.sum(_expanded(scores) * chosen)

        return self._pulled_back(batch, chosen, values, score)[1]

    def _loss(self, scores, chosen):
        if self._network["multiLabel"] and scores.shape[0] > 1:
            return ops.sum(ops.softplus(-scores) * chosen)
        # log(sum) - score would round to zero where the network is sure.
        gaps = _expanded(scores) - ops.sum(_expanded(scores) * chosen)
        others = ops.where(chosen > 0, -1e9, gaps)
        return ops.softplus(ops.logsumexp(others))

    def _pulled_back(self, batch, chosen, values, goal):
        """Return (goal, last output), and the gradient at all outputs and trained weights in a row."""
        sizes = self._sizes()

        def function(change):
            parts = ops.split(change, np.cumsum(sizes)[:-1].tolist())
            changes = dict(zip(self._layers, parts[: len(self._layers)], strict=True))
            moved = dict(zip(map(id, self._moved), parts[len(self._layers) :], strict=True))
            with self._with_weights(values, moved):
                outputs = self._run(batch, changes)
            scores = outputs[self._network["logits"]][0]
            last = outputs[self._network["layers"][-1]["name"]][0]
            return goal(scores, chosen), last

        return value_and_gradient(function, np.zeros(sum(sizes), "float32"))

    def _sizes(self) -> list[int]:
        outputs = [int(np.prod(layer["shape"])) for layer in self._layers.values()]
        return outputs + [int(np.prod(variable.shape)) for variable in self._moved]

    def _unpacked(self, gradient: np.ndarray):
        parts = np.split(gradient, np.cumsum(self._sizes())[:-1])
        maps = {
            name: part.reshape(layer["shape"])
            for (name, layer), part in zip(self._layers.items(), parts, strict=False)
        }
        weights: dict[str, list[np.ndarray]] = {}
        of_variable = dict(zip(map(id, self._moved), parts[len(maps) :], strict=True))
        for name, variable in self._trained:
            part = of_variable[id(variable)].reshape(variable.shape)
            weights.setdefault(name, []).append(part)
        return maps, weights

    @contextmanager
    def _with_weights(self, values, moved: dict[int, Any] | None = None) -> Iterator[None]:
        """Use these values, and what is added to some of them, as the model's weights."""
        state = []
        for variable, value in zip(self._variables, values, strict=True):
            change = (moved or {}).get(id(variable))
            if change is not None:
                value = value + ops.cast(ops.reshape(change, variable.shape), value.dtype)
            state.append((variable, value))
        with keras.StatelessScope(state_mapping=state), ExitStack() as undo:
            for name, call in self._calls.items():
                if _lost_its_activation(call.operation, self._layers[name]):
                    linear = hooks.replaced(call.operation, "activation", keras.activations.linear)
                    undo.enter_context(linear)
            yield

    def _run(self, batch, changes: dict) -> dict:
        """Return every layer's output, with a batch axis; `changes` are added to them."""
        outputs: dict[str, Any] = {}
        for name, layer in self._layers.items():
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
        return {name: in_float32(result) for name, result in outputs.items()}

    def _arguments(self, call: LayerCall, reads: list[str], outputs: dict) -> tuple[tuple, dict]:
        """Return what a layer is called with: the outputs of those that it reads."""
        read = dict(zip(map(id, call.inputs), reads, strict=True))

        def given(value):
            return outputs[read[id(value)]] if id(value) in read else value

        keywords = {name: value for name, value in call.keywords.items() if name != "training"}
        return keras.tree.map_structure(given, (call.positional, keywords))


def _expanded(scores):
    """Return a score for each class; a single one is the second of two classes' alone."""
    return ops.concatenate([ops.zeros_like(scores), scores]) if scores.shape[0] == 1 else scores


def _lost_its_activation(operation, layer: dict) -> bool:
    """Whether the document has a layer's softmax or sigmoid as a layer of its own."""
    activation = getattr(operation, "activation", None)
    name = getattr(activation, "__name__", "")
    return name in ("softmax", "sigmoid") and layer["config"].get("activation") == "linear"
