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
        source: Path of the layer that the inputs come from, behind Flatten and Dropout.
        source_kind: Its class name; "" where the layer reads the image itself.
    """

    layer: str
    inputs: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    contributions: np.ndarray
    map_shape: tuple[int, ...] | None
    source: str = ""
    source_kind: str = ""

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

    def words(self, index: int) -> str:
        """Return what an input is, in words: which map, and which place in it.

        Args:
            index: Index of the input.
        """
        source = f" of {self.source.rsplit('/', 1)[-1]}" if self.source else ""
        place = self.origin(index)
        if place is not None and self.source_kind in ("Permute", "Reshape"):  # no rows, no columns
            return f"value {place}{source}"
        if place is not None and len(place) > 1:
            names = ("row", "column")[-(len(place) - 1) :] if len(place) < 4 else ()
            where = ", ".join(f"{name} {n}" for name, n in zip(names, place[:-1], strict=False))
            return f"map {place[-1]}{source}, {where or place[:-1]}"
        if self.source_kind.startswith("GlobalAverage"):
            return f"mean of map {index}{source}"
        if self.source_kind.startswith("GlobalMax"):
            return f"greatest value of map {index}{source}"
        return f"unit {index}{source}"


def last_dense_votes(steps: list) -> Votes | None:
    """Return the votes of the dense layer that ends a network.

    Args:
        steps: The `Step` objects of a walkthrough, in order. The dense layer may be followed by
            one activation layer.

    Returns:
        The votes, or None if the network does not end in a dense layer.
    """
    step = steps[-1]
    if step.kind in ACTIVATION_LAYERS and len(steps) > 1:
        # In float32 it casts the outputs of a layer in bfloat16, so that `reads` does not know them.
        step = steps[step.reads[0]] if step.reads else steps[-2]
    if not isinstance(step.layer, keras.layers.Dense) or step.output.ndim != 1:
        return None
    kernel, bias = numpy_forward.float64_weights(step.layer, "kernel", "bias")
    inputs = step.inputs[0].astype("float64")
    before = _behind(steps, step, keras.layers.Dropout)
    is_flat = before is not None and isinstance(before.layer, keras.layers.Flatten)
    source = _behind(steps, before, keras.layers.Dropout) if before and is_flat else before
    return Votes(
        layer=step.path,
        inputs=inputs,
        weights=kernel,
        bias=np.broadcast_to(bias, kernel.shape[-1:]),
        contributions=inputs[:, None] * kernel,
        map_shape=before.inputs[0].shape if before is not None and is_flat else None,
        source=source.path if source else "",
        source_kind=source.kind if source else "",
    )


def _behind(steps: list, step, passed: type):
    """Return the step that a step reads, past layers of a kind; None where it reads the image."""
    while step.reads:
        step = steps[step.reads[0]]
        if not isinstance(step.layer, passed):
            return step
    return None
