"""What the explorer's page asks of Keras: outputs, gradients and weights of every layer.

The page's own engine, `explorer/web/src/compute`, answers the same questions without Keras.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explorer.described_graph import DescribedGraph
from cnnkit.explorer.document import Document
from cnnkit.keras_graph.arrays import as_numpy, in_float32
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.keras_graph.gradients import value_and_gradient
from cnnkit.keras_graph.walk import as_functional
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
        self.document = document
        self._network = network = document.network
        self._graph = DescribedGraph(as_functional(in_keras_layers(model)), network)
        self._layers = self._graph.layers
        self._trained = [
            (name, self._graph.weights_of(name)[index])
            for name, layer in self._layers.items()
            for index, weight in enumerate(layer["weights"])
            if weight["trainable"]
        ]
        # Calls of one layer share its weights, and each call is told the gradient of all.
        self._moved = list({id(variable): variable for _, variable in self._trained}.values())
        self._before: dict[tuple[str, int], np.ndarray] = {}
        self._last: tuple[bytes, dict[str, Any]] | None = None  # a picture, and its outputs
        self._forward = compile_function(self._outputs)
        self._backward: dict[tuple[str, tuple[str, ...]], Callable] = {}

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

    def forward(
        self, picture: np.ndarray, layers: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Return layers' outputs.

        Args:
            picture: Shape `input_shape`, values as the model takes them.
            layers: Names of layers; None for all. More layers of the same picture cost nothing.

        Returns:
            By layer, float32, without a batch axis.
        """
        key = picture.tobytes()
        if self._last is None or self._last[0] != key:
            arrays = self._forward(self._batch(picture), *self._values())
            self._last = key, dict(zip(self._layers, arrays, strict=True))
        outputs = self._last[1]
        return {name: as_numpy(outputs[name])[0] for name in self._expect(layers)}

    def backward(
        self, picture: np.ndarray, label: int, layers: Sequence[str] | None = None
    ) -> Gradients:
        """Return the cross-entropy of a label, with its gradients.

        Args:
            picture: As `forward` takes it.
            label: Index of a class.
            layers: Layers whose outputs' gradients are wanted; None for all.

        Returns:
            The loss, and its gradient at these outputs and at every trainable weight.
        """
        found = self._pulled_back(picture, label, "loss", self._expect(layers), self._moved)
        loss, probabilities, maps, moved = found
        last = self._network["layers"][-1]["name"]
        if last in maps and last != self._network["logits"]:  # the way back begins at the scores
            maps[last] = self._slope(probabilities, label)
        of_variable = dict(zip(map(id, self._moved), moved, strict=True))
        weights: dict[str, list[np.ndarray]] = {}
        for name, variable in self._trained:
            weights.setdefault(name, []).append(of_variable[id(variable)])
        return Gradients(loss, maps, weights)

    def score_gradients(
        self, picture: np.ndarray, index: int, layers: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Return the gradient of one class' score at layers' outputs.

        Args:
            picture: As `forward` takes it.
            index: Index of a class.
            layers: Names of layers; None for all.

        Returns:
            By layer, float32, without a batch axis.
        """
        return self._pulled_back(picture, index, "score", self._expect(layers), [])[2]

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
        self._last = None
        variable.assign(values.reshape(variable.shape))

    def reset(self) -> None:
        """Give all weights back that were changed."""
        for (layer, index), values in self._before.items():
            self._variable(layer, index).assign(values)
        self._before.clear()
        self._last = None

    def _variable(self, layer: str, index: int):
        weights = self._layers.get(layer, {}).get("weights", [])
        if not 0 <= index < len(weights):
            raise SettingError(f"Layer {layer!r} has no weight {index}.")
        return self._graph.weights_of(layer)[index]

    def _expect(self, layers: Sequence[str] | None) -> list[str]:
        unknown = sorted(set(layers or ()) - set(self._layers))
        if unknown:
            raise SettingError(f"The network has no layer {unknown[0]!r}.")
        return list(self._layers if layers is None else layers)

    def _batch(self, picture: np.ndarray):
        return ops.convert_to_tensor(picture.reshape(1, *self.input_shape), "float32")

    def _values(self) -> list:
        return [variable.value for variable in self._graph.variables]

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

    def _outputs(self, batch, *values):
        """Compiled, with weights as arguments, so that changed ones are used."""
        return [in_float32(each) for each in self._graph.outputs(batch, values).values()]

    def _goal(self, goal: str, scores, chosen):
        """Return what is differentiated: a class' score, or the cross-entropy of a label."""
        if goal == "score":
            return ops.sum(_expanded(scores) * chosen)
        if self._network["multiLabel"] and scores.shape[0] > 1:
            return ops.sum(ops.softplus(-scores) * chosen)
        # log(sum) - score would round to zero where the network is sure.
        gaps = _expanded(scores) - ops.sum(_expanded(scores) * chosen)
        return ops.softplus(ops.logsumexp(ops.where(chosen > 0, -1e9, gaps)))

    def _pulled_back(self, picture, label: int, goal: str, layers: list[str], variables: list):
        """Return the goal's value, the answer, and the gradients at layers and variables.

        All of them are parts of one array that is added, so that one gradient has them all.
        """
        shapes = [tuple(self._layers[name]["shape"]) for name in layers]
        shapes += [tuple(variable.shape) for variable in variables]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        key = goal, tuple(layers)
        if key not in self._backward:
            # Not repeated: TensorFlow would trace MobileNetV2 for 20 s, and computes it in 1 s.
            function = self._gradient_function(goal, layers, variables, ends[:-1].tolist())
            self._backward[key] = compile_function(function, repeated=False)
        change = ops.zeros((int(ends[-1]),), "float32")
        asked = self._batch(picture), self._chosen(label), change
        value, answer, gradient = map(as_numpy, self._backward[key](*asked, *self._values()))
        parts = np.split(gradient, ends[:-1])
        parts = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        maps = dict(zip(layers, parts, strict=False))
        return float(value), answer, maps, parts[len(layers) :]

    def _gradient_function(self, goal: str, layers: list[str], variables: list, cuts: list[int]):
        """Return a function of picture, class, change and weights to value, answer and gradient."""
        logits, last = self._network["logits"], self._network["layers"][-1]["name"]

        def run(batch, chosen, change, *values):
            def function(change):
                # TensorFlow cannot split into one part.
                parts = ops.split(change, cuts) if cuts else [change]
                changes = dict(zip(layers, parts, strict=False))
                moved = dict(zip(map(id, variables), parts[len(layers) :], strict=True))
                outputs = self._graph.outputs(batch, values, moved, changes)
                scores, answer = (in_float32(outputs[name])[0] for name in (logits, last))
                return self._goal(goal, scores, chosen), answer

            (value, answer), gradient = value_and_gradient(function, change)
            return value, answer, gradient

        return run


def _expanded(scores):
    """Return a score for each class; a single one is the second of two classes' alone."""
    return ops.concatenate([ops.zeros_like(scores), scores]) if scores.shape[0] == 1 else scores
