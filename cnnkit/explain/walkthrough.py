"""The walkthrough: one image through a network, number by number, and one step back."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from cnnkit.errors import SettingError
from cnnkit.explain import numpy_forward, outputs
from cnnkit.explain.inputs import as_batch
from cnnkit.explain.unit import Stop, Unit, follow, group_of, patches_of, unit
from cnnkit.keras_graph import hooks
from cnnkit.keras_graph.compilation import compile_function
from cnnkit.keras_graph.gradients import value_and_gradient

WITH_UNITS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Dense)


@dataclass(frozen=True)
class Step:
    """One call of one layer; arrays without batch axis.

    number: its place in the forward pass. reads: the numbers of the steps whose outputs it takes.
    inputs, output: the model's own, float32. by_hand: the output once more by NumPy, float64, None
        for a layer whose rule is not known.
    """

    number: int
    path: str
    kind: str
    layer: keras.Layer
    reads: tuple[int, ...]
    inputs: tuple[np.ndarray, ...]
    output: np.ndarray
    by_hand: np.ndarray | None

    @property
    def error(self) -> float | None:
        """The largest difference between both, as a part of the largest value; None without one."""
        if self.by_hand is None:
            return None
        return float(
            np.abs(self.by_hand - self.output).max() / max(np.abs(self.output).max(), 1e-6)
        )


@dataclass(frozen=True)
class Votes:
    """What the last dense layer counts: contributions[i, c] = inputs[i] * weights[i, c].

    A class's logit is the sum of its column, plus its bias. map_shape: of the maps that the inputs
    are, written in one row (Flatten), so that `origin` finds the place; None otherwise.
    """

    layer: str
    inputs: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    contributions: np.ndarray
    map_shape: tuple[int, ...] | None

    def strongest(self, class_index: int, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
        """Return the inputs that weigh most for a class, and those most against it, as indices."""
        order = np.argsort(self.contributions[:, class_index], kind="stable")
        column = self.contributions[order, class_index]
        return order[column > 0][::-1][:count], order[column < 0][:count]

    def origin(self, index: int) -> tuple[int, ...] | None:
        """Return the place (row, column, filter) an input had in the last maps, None without them."""
        if self.map_shape is None:
            return None
        return tuple(int(place) for place in np.unravel_index(index, self.map_shape))


@dataclass(frozen=True)
class StepBack:
    """One step of gradient descent for the unit's own kernel, all else left as it is.

    blame: how the loss changes with each value of the filter's map before the activation, (*places).
    gradient: of the loss for the kernel, the sum over all places of blame * patch; bias_gradient:
        the sum of the blame. updated: kernel - learning_rate * gradient. loss_after: with the
        updated kernel and bias.
    """

    learning_rate: float
    blame: np.ndarray
    gradient: np.ndarray
    bias_gradient: float
    updated: np.ndarray
    updated_bias: float
    loss_after: float


@dataclass(frozen=True)
class Walkthrough:
    """The whole way of one image, as `walkthrough` returns it.

    logits, probabilities: (classes,) float64, by NumPy. label: the class the loss asks for. loss:
        the cross-entropy, minus the logarithm of the label's probability, in nats.
    """

    image: np.ndarray
    steps: tuple[Step, ...]
    unit: Unit
    path: tuple[Stop, ...]
    votes: Votes | None
    logits: np.ndarray
    probabilities: np.ndarray
    label: int
    loss: float
    back: StepBack

    def step(self, path: str) -> Step:
        """Return the step of a layer; raises KeyError where there is none."""
        return {step.path: step for step in self.steps}[path]


def walkthrough(
    model: keras.Model,
    image: np.ndarray,
    *,
    label: int | None = None,
    layer: str | None = None,
    filter: int | None = None,
    position: tuple[int, ...] | None = None,
    learning_rate: float = 0.01,
) -> Walkthrough:
    """Follow one image through a model: every layer, one unit in detail, the votes, a step back.

    image: as the model takes it, (height, width, channels). label: the right class; without one,
    the predicted. layer: a Conv1D, Conv2D or Dense layer, by name or path; without one, the first.
    filter, position: the unit to look at; without them, where the layer answers most. learning_rate:
    of the one update.

    Each number comes from NumPy in float64, and beside it stands the model's own (`Step.output`);
    dropout and batch normalisation are as in use, not as in training.
    Raises SettingError or UnknownNameError for a layer, filter, position or label that is not there.
    """
    batch, single = as_batch(model, image)
    if not single and len(batch) != 1:
        raise SettingError(f"A walkthrough follows one image, not a batch of {len(batch)}.")
    steps = _steps(model, batch)
    chosen = _chosen_step(model, steps, layer)
    filter, position = _chosen_unit(chosen, filter, position)
    votes = _votes(steps)
    logits = _logits(model, steps, votes)
    label = int(outputs.class_indices(label, logits[None], model)[0])
    probabilities = numpy_forward.softmax(logits)
    return Walkthrough(
        image=batch[0],
        steps=tuple(steps),
        unit=unit(chosen.path, chosen.layer, chosen.inputs[0].astype("float64"), filter, position),
        path=tuple(follow(steps, chosen.number, (*position, filter))),
        votes=votes,
        logits=logits,
        probabilities=probabilities,
        label=label,
        loss=float(-np.log(probabilities[label])),
        back=_step_back(model, batch, label, chosen, filter, learning_rate),
    )


def _steps(model, batch) -> list[Step]:
    steps = []
    for number, call in enumerate(hooks.trace(model, batch)):
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
                by_hand=numpy_forward.by_hand(call.layer, *inputs),
            )
        )
    return steps


def _chosen_step(model, steps, layer) -> Step:
    able = [
        step.path
        for step in steps
        if isinstance(step.layer, WITH_UNITS) and numpy_forward.activation_of(step.layer)
    ]
    if not able:
        raise SettingError(
            f"Model {model.name!r} has no Conv1D, Conv2D or Dense layer to look into; a walkthrough "
            "needs one."
        )
    path = able[0] if layer is None else hooks.find_layer(model, layer, able)
    return next(step for step in steps if step.path == path)


def _chosen_unit(step, filter, position) -> tuple[int, tuple[int, ...]]:
    *places, filters = step.output.shape
    if filter is not None and not 0 <= filter < filters:
        raise SettingError(f"Layer {step.path!r} has filters 0 to {filters - 1}, not {filter}.")
    if position is None:
        maps = step.output if filter is None else step.output[..., [filter]]
        *position, best = np.unravel_index(maps.argmax(), maps.shape)
        filter = best if filter is None else filter
    position = tuple(int(place) for place in position)
    if len(position) != len(places) or not all(
        0 <= place < size for place, size in zip(position, places, strict=True)
    ):
        raise SettingError(
            f"Layer {step.path!r} has maps of {tuple(places)}, with no position {position}."
        )
    if filter is None:
        filter = step.output[position].argmax()
    return int(filter), position


def _logits(model, steps, votes) -> np.ndarray:
    if votes is not None:
        logits = votes.contributions.sum(axis=0) + votes.bias
    else:
        last = steps[-1]
        ending = (
            last.kind in ("Softmax", "Activation") and outputs.final_activation(model) != "none"
        )
        logits = last.inputs[0].astype("float64") if ending else last.output.astype("float64")
    return np.concatenate([-logits / 2, logits / 2]) if len(logits) == 1 else logits


def _votes(steps) -> Votes | None:
    """Return those of the dense layer that ends the network, but for an activation after it."""
    last = steps[-1]
    if last.kind in ("Softmax", "Activation"):
        last = steps[last.reads[0]] if last.reads else last
    if not isinstance(last.layer, keras.layers.Dense) or last.output.ndim != 1:
        return None
    step = last
    kernel, bias = numpy_forward.weights(step.layer, "kernel", "bias")
    inputs = step.inputs[0].astype("float64")
    before = [steps[number] for number in step.reads]
    while before and isinstance(before[0].layer, keras.layers.Dropout):
        before = [steps[number] for number in before[0].reads]
    flat = before and isinstance(before[0].layer, keras.layers.Flatten)
    return Votes(
        layer=step.path,
        inputs=inputs,
        weights=kernel,
        bias=np.broadcast_to(bias, kernel.shape[-1:]),
        contributions=inputs[:, None] * kernel,
        map_shape=before[0].inputs[0].shape if flat else None,
    )


def _step_back(model, batch, label, step, filter, learning_rate) -> StepBack:
    layer = step.layer
    kernels, biases = numpy_forward.weights(layer, "kernel", "bias")
    biases = np.broadcast_to(biases, kernels.shape[-1:]).copy()
    blame_of = _blame(model, batch, label, layer)
    change = np.zeros((1, *step.output.shape), "float32")
    _, blame = blame_of(change, kernels, biases)
    blame = ops.convert_to_numpy(blame)[0, ..., filter].astype("float64")
    patches = patches_of(layer, step.inputs[0].astype("float64"), group_of(layer, filter))
    gradient = np.tensordot(blame, patches, axes=blame.ndim)
    kernels[..., filter] -= learning_rate * gradient
    biases[filter] -= learning_rate * blame.sum() * layer.use_bias
    loss_after, _ = blame_of(change, kernels, biases)
    return StepBack(
        learning_rate=learning_rate,
        blame=blame,
        gradient=gradient,
        bias_gradient=float(blame.sum()),
        updated=kernels[..., filter],
        updated_bias=float(biases[filter]),
        loss_after=float(ops.convert_to_numpy(loss_after)),
    )


def _blame(model, batch, label, layer):
    """Return a function of a change to a layer's sums, and its weights, to loss and gradient."""

    def blame(change, kernel, bias):
        state = [(layer.kernel, kernel)] + [(layer.bias, bias)] * layer.use_bias

        def loss(change):
            own = layer.activation
            with (
                keras.StatelessScope(state_mapping=state),
                hooks.replaced(layer, "activation", lambda x: own(x + ops.cast(change, x.dtype))),
            ):
                answer = model(ops.convert_to_tensor(batch), training=False)
                logits = outputs.one_column_a_class(answer)[0]
            others = ops.concatenate([logits[:label], logits[label + 1 :]])
            # logsumexp(logits) - logits[label], which would round to zero where the model is sure.
            return (ops.softplus(ops.logsumexp(others - logits[label])),)

        with outputs.giving_logits(model):
            (value,), gradient = value_and_gradient(loss, change)
        return value, gradient

    run = compile_function(blame)
    return lambda *arrays: run(*(ops.convert_to_tensor(array, "float32") for array in arrays))
