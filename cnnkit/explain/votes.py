"""How each input of the last dense layer adds to each class's logit."""

from dataclasses import dataclass

import keras
import numpy as np

from cnnkit.explain import numpy_forward

ACTIVATION_LAYERS = ("Softmax", "Activation")


@dataclass(frozen=True)
class Votes:
    """What each input of the last dense layer adds to each logit.

    A class's logit is the sum of its column of `contributions`, plus its bias.

    Attributes:
        layer: Path of the dense layer.
        inputs: What the layer reads, `(inputs,)`, float64.
        weights: Its kernel, `(inputs, classes)`, float64.
        bias: `(classes,)`, float64; zeros for a layer without bias.
        contributions: `contributions[i, c] = inputs[i] * weights[i, c]`.
        map_shape: Shape of the feature maps that a Flatten layer turned into `inputs`,
            `(height, width, filters)`. None if there is no Flatten layer.
    """

    layer: str
    inputs: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    contributions: np.ndarray
    map_shape: tuple[int, ...] | None

    def strongest(self, class_index: int, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
        """Return the inputs that add most to a class's logit, and those that subtract most.

        Args:
            class_index: The class.
            count: At most this many inputs of each kind.

        Returns:
            Two arrays of input indices, strongest first: for the class, and against it.
        """
        order = np.argsort(self.contributions[:, class_index], kind="stable")
        column = self.contributions[order, class_index]
        return order[column > 0][::-1][:count], order[column < 0][:count]

    def origin(self, index: int) -> tuple[int, ...] | None:
        """Return where an input stands in the last feature maps.

        Args:
            index: Index of the input.

        Returns:
            `(row, column, filter)`, or None if the layer does not read flattened maps.
        """
        if self.map_shape is None:
            return None
        return tuple(int(place) for place in np.unravel_index(index, self.map_shape))


def last_dense_votes(steps: list) -> Votes | None:
    """Return the votes of the dense layer that ends a network.

    Args:
        steps: The `Step` objects of a walkthrough, in order. The dense layer may be followed by
            one activation layer.

    Returns:
        The votes, or None if the network does not end in a dense layer.
    """
    step = steps[-1]
    if step.kind in ACTIVATION_LAYERS:
        step = steps[step.reads[0]] if step.reads else step
    if not isinstance(step.layer, keras.layers.Dense) or step.output.ndim != 1:
        return None
    kernel, bias = numpy_forward.float64_weights(step.layer, "kernel", "bias")
    inputs = step.inputs[0].astype("float64")
    before = [steps[number] for number in step.reads]
    while before and isinstance(before[0].layer, keras.layers.Dropout):
        before = [steps[number] for number in before[0].reads]
    is_flat = before and isinstance(before[0].layer, keras.layers.Flatten)
    return Votes(
        layer=step.path,
        inputs=inputs,
        weights=kernel,
        bias=np.broadcast_to(bias, kernel.shape[-1:]),
        contributions=inputs[:, None] * kernel,
        map_shape=before[0].inputs[0].shape if is_flat else None,
    )
