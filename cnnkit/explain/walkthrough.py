"""The walkthrough: one image through a network, number by number, and one gradient step."""

from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.errors import SettingError
from cnnkit.explain import numpy_forward, outputs
from cnnkit.explain.gradient_step import GradientStep, compute_gradient_step
from cnnkit.explain.inputs import as_batch
from cnnkit.explain.unit import PathStep, Unit, compute_unit, follow_unit, layer_patches
from cnnkit.explain.votes import ACTIVATION_LAYERS, Votes, last_dense_votes
from cnnkit.keras_graph import hooks

WITH_UNITS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Dense)


@dataclass(frozen=True)
class Step:
    """One call of one layer. Arrays have no batch axis.

    Attributes:
        number: Place in the forward pass, from 0.
        path: The layer's name, after those of the models it is nested in.
        kind: The layer's class name.
        layer: The layer.
        reads: Numbers of the steps whose outputs this step takes.
        inputs: The tensors that the layer took in the model, float32.
        output: The tensor that the layer returned in the model, float32.
        numpy_output: The same output computed by NumPy in float64. None for a kind of layer that
            cnnkit has no NumPy code for.
    """

    number: int
    path: str
    kind: str
    layer: keras.Layer
    reads: tuple[int, ...]
    inputs: tuple[np.ndarray, ...]
    output: np.ndarray
    numpy_output: np.ndarray | None

    @property
    def error(self) -> float | None:
        """The largest difference of both outputs, relative to the largest value of `output`.

        None if there is no `numpy_output`.
        """
        if self.numpy_output is None:
            return None
        largest = max(np.abs(self.output).max(), 1e-6)
        return float(np.abs(self.numpy_output - self.output).max() / largest)


@dataclass(frozen=True)
class Walkthrough:
    """The way of one image through a model, as `walkthrough` returns it.

    Attributes:
        image: The image as the model takes it, float32.
        steps: The layers' calls, in the order of the forward pass.
        unit: One unit in detail.
        path: Where the unit's value lands in the layers that follow.
        votes: What the inputs of the last dense layer add to each logit. None for a network that
            does not end in a dense layer.
        logits: `(classes,)`, float64, by NumPy.
        probabilities: `(classes,)`, float64, the softmax of the logits.
        label: The class that the loss asks for.
        loss: Cross-entropy: minus the logarithm of the label's probability, in nats.
        gradient_step: One step of gradient descent on the unit's kernel.
    """

    image: np.ndarray
    steps: tuple[Step, ...]
    unit: Unit
    path: tuple[PathStep, ...]
    votes: Votes | None
    logits: np.ndarray
    probabilities: np.ndarray
    label: int
    loss: float
    gradient_step: GradientStep

    def step(self, path: str) -> Step:
        """Return the step of a layer.

        Args:
            path: The layer's path.

        Raises:
            KeyError: The network has no such layer.
        """
        return {step.path: step for step in self.steps}[path]


def walkthrough(
    model: keras.Model,
    image: np.ndarray,
    *,
    label: int | None = None,
    layer: str | None = None,
    filter_index: int | None = None,
    position: tuple[int, ...] | None = None,
    learning_rate: float = 0.01,
) -> Walkthrough:
    """Follow one image through a model: every layer, one unit in detail, one gradient step.

    NumPy computes each number in float64; `Step.output` holds the model's own value beside it.
    Dropout and batch normalisation work as in inference.

    Args:
        model: A Keras model with a Conv1D, Conv2D or Dense layer.
        image: One image as the model takes it, `(height, width, channels)`, or a sequence
            `(steps, channels)`.
        label: The true class; None takes the predicted class.
        layer: Name or path of a Conv1D, Conv2D or Dense layer; None takes the first one.
        filter_index: The filter or unit to look at; None takes the one with the largest output.
        position: `(row, column)` in the filter's map. None takes a place whose patch lies inside the
            input and has contrast, and where the output is large.
        learning_rate: Size of the gradient step.

    Returns:
        The walkthrough; `explain.figures.walkthrough` draws it.

    Raises:
        UnknownNameError: The model has no layer of this name.
        SettingError: The layer, filter, position or label does not fit the model.
    """
    batch, is_single = as_batch(model, image)
    if not is_single and len(batch) != 1:
        raise SettingError(f"A walkthrough follows one image, not a batch of {len(batch)}.")
    steps = _steps(model, batch)
    step = _find_step(model, steps, layer)
    filter_index, position = _find_unit(step, filter_index, position)
    votes = last_dense_votes(steps)
    logits = _logits(model, steps, votes)
    label = int(outputs.class_indices(label, logits[None], model)[0])
    probabilities = numpy_forward.softmax(logits)
    inputs = step.inputs[0].astype("float64")
    return Walkthrough(
        image=batch[0],
        steps=tuple(steps),
        unit=compute_unit(
            step.path, step.layer, inputs, filter_index=filter_index, position=position
        ),
        path=tuple(follow_unit(steps, step.number, (*position, filter_index))),
        votes=votes,
        logits=logits,
        probabilities=probabilities,
        label=label,
        loss=float(-np.log(probabilities[label])),
        gradient_step=compute_gradient_step(
            model, batch, label, step, filter_index=filter_index, learning_rate=learning_rate
        ),
    )


def _steps(model, batch) -> list[Step]:
    steps = []
    for number, call in enumerate(hooks.trace_calls(model, batch)):
        inputs = tuple(values[0] for values in call.inputs)
        steps.append(
            Step(
                number=number,
                path=call.path,
                kind=type(call.layer).__name__,
                layer=call.layer,
                reads=call.reads,
                inputs=inputs,
                output=call.output[0],
                numpy_output=numpy_forward.forward(call.layer, *inputs),
            )
        )
    return steps


def _find_step(model, steps, layer) -> Step:
    paths = [
        step.path
        for step in steps
        if isinstance(step.layer, WITH_UNITS) and numpy_forward.numpy_activation(step.layer)
    ]
    if not paths:
        raise SettingError(
            f"A walkthrough needs a Conv1D, Conv2D or Dense layer to look into; "
            f"model {model.name!r} has none."
        )
    path = paths[0] if layer is None else hooks.find_layer(model, layer, paths)
    return next(step for step in steps if step.path == path)


def _find_unit(step, filter_index, position) -> tuple[int, tuple[int, ...]]:
    *places, filters = step.output.shape
    if filter_index is not None and not 0 <= filter_index < filters:
        raise SettingError(
            f"Layer {step.path!r} has filters 0 to {filters - 1}, not {filter_index}."
        )
    if position is None:
        maps = step.output if filter_index is None else step.output[..., [filter_index]]
        maps = _instructive(step, maps) if places else maps
        *position, best = np.unravel_index(maps.argmax(), maps.shape)
        filter_index = best if filter_index is None else filter_index
    position = tuple(int(place) for place in position)
    if len(position) != len(places) or not all(
        0 <= place < size for place, size in zip(position, places, strict=True)
    ):
        raise SettingError(
            f"Layer {step.path!r} has maps of {tuple(places)}, with no position {position}."
        )
    if filter_index is None:
        filter_index = step.output[position].argmax()
    return int(filter_index), position


def _instructive(step, maps: np.ndarray) -> np.ndarray:
    """Return maps times the contrast of what each place reads; places that read padding come last.

    The largest output alone is often at the border, or on a plain part of the image.
    """
    contrast = np.stack(
        [
            layer_patches(step.layer, step.inputs[0], group)
            .reshape(*maps.shape[:-1], -1)
            .std(axis=-1)
            for group in range(step.layer.groups)
        ]
    ).max(axis=0)
    scores = (maps - maps.min()) * contrast[..., None]
    inside = np.ones(contrast.shape, bool)
    if step.layer.padding != "valid":
        ones = np.ones((*step.inputs[0].shape[:-1], step.layer.groups), "float32")
        read = layer_patches(step.layer, ones).reshape(*contrast.shape, -1)
        inside = np.asarray(read.all(axis=-1))
    if not (scores[inside] > 0).any():  # a plain image, or one that is smaller than the kernel
        return maps
    return np.where(inside[..., None], scores, -np.inf)


def _logits(model, steps, votes) -> np.ndarray:
    if votes is not None:
        logits = votes.contributions.sum(axis=0) + votes.bias
    else:
        last = steps[-1]
        ends_in_activation = (
            last.kind in ACTIVATION_LAYERS and outputs.final_activation(model) != "none"
        )
        logits = (last.inputs[0] if ends_in_activation else last.output).astype("float64")
    return np.concatenate([-logits / 2, logits / 2]) if len(logits) == 1 else logits
