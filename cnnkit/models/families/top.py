"""The end of every network: its top, or feature maps without one, and the weights it begins with.

`include_top`, `pooling`, `classifier_activation` and `weights` mean what they mean in
`keras.applications`, and here alone is what they do.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import keras

from cnnkit.errors import SettingError
from cnnkit.models.families.checks import require_choice
from cnnkit.models.weights import load_weights
from cnnkit.settings import expect_counts

GLOBAL_POOLING = {
    ("avg", 1): keras.layers.GlobalAveragePooling1D,
    ("avg", 2): keras.layers.GlobalAveragePooling2D,
    ("max", 1): keras.layers.GlobalMaxPooling1D,
    ("max", 2): keras.layers.GlobalMaxPooling2D,
}


def global_pooling(maps, pooling: str | None):
    """Return one number a feature map.

    Args:
        maps: Tensor, (batch, height, width, channels) or (batch, steps, channels).
        pooling: "avg" or "max"; None returns the maps as they are.

    Returns:
        Tensor of shape (batch, channels), or `maps`.

    Raises:
        SettingError: `pooling` is something else.
    """
    require_choice("pooling", pooling, (None, "avg", "max"))
    if pooling is None:
        return maps
    return GLOBAL_POOLING[pooling, len(maps.shape) - 2](name=f"{pooling}_pool")(maps)


def average_pooled(maps):
    """Return the mean of each feature map: what most heads read."""
    return global_pooling(maps, "avg")


@dataclass(frozen=True)
class Top:
    """How a factory's network ends: the arguments that all factories share.

    Args:
        num_classes: Number of logits, at least 1.
        include_top: Whether the network ends in logits; without them it ends in feature maps.
        pooling: Without the top: "avg" or "max" for one number a feature map, None for the maps.
        classifier_activation: With the top: "softmax" for probabilities, None for logits.
        weights: "imagenet", the path of a weights file, or None for random weights.
        adapt_channels: Whether a first convolution for 3 channels may serve another number.

    Raises:
        SettingError: An option of the top is given without it, or the other way round.
    """

    num_classes: int
    include_top: bool
    pooling: str | None
    classifier_activation: str | None
    weights: str | os.PathLike | None
    adapt_channels: bool = False

    def __post_init__(self):
        if self.include_top and self.pooling is not None:
            raise SettingError(
                f"pooling={self.pooling!r} is for a network without its top: give "
                "include_top=False, too."
            )
        if not self.include_top and self.classifier_activation is not None:
            raise SettingError(
                f"classifier_activation={self.classifier_activation!r} is for a network with its "
                "top: leave it out, or include_top=False."
            )

    def finish(
        self,
        name: str,
        image,
        maps,
        head: Callable = average_pooled,
        *,
        logits: keras.Layer | None = None,
        auxiliary: Mapping[str, object] | None = None,
    ) -> keras.Model:
        """Return the model from `image` to its outputs, with its weights.

        Args:
            name: Name of the model, by which ImageNet weights are found.
            image: The `keras.Input`.
            maps: The last feature maps.
            head: Function from `maps` to the features that the logits are computed of. Called only
                with `include_top`.
            logits: Layer from features to logits, named "logits"; a dense layer unless given.
            auxiliary: Features of classifiers on the way, by name. Each becomes a further output,
                from a layer "NAME_logits". Ignored without `include_top`.

        Returns:
            An uncompiled model.

        Raises:
            SettingError: `num_classes` is less than 1, `pooling` is unknown, or the weights do not
                fit.
            MissingDataError: The weights are not on this machine and cannot be fetched.
        """
        if self.include_top:
            outputs = [self._output(head(maps), logits)]
            for prefix, features in (auxiliary or {}).items():
                outputs.append(self._output(features, prefix=f"{prefix}_"))
            outputs = outputs if auxiliary else outputs[0]
        else:
            outputs = global_pooling(maps, self.pooling)
        model = keras.Model(image, outputs, name=name)
        if self.weights is not None:
            load_weights(
                model,
                self.weights,
                include_top=self.include_top,
                adapt_channels=self.adapt_channels,
            )
        return model

    def _output(self, features, logits: keras.Layer | None = None, prefix: str = ""):
        """Return logits of features, or what the activation makes of them."""
        if logits is None:
            outputs = classifier(features, self.num_classes, f"{prefix}logits")
        else:
            outputs = logits(features)
        if self.classifier_activation is None:
            return outputs
        # Exponentials of half-precision logits lose what tells classes apart.
        return keras.layers.Activation(
            self.classifier_activation, dtype="float32", name=f"{prefix}probabilities"
        )(outputs)


def classifier(features, num_classes: int, name: str = "logits"):
    """Return logits of features by a dense layer.

    Args:
        features: Tensor of shape (batch, features).
        num_classes: Number of logits, at least 1.
        name: Name of the layer.

    Returns:
        Tensor of shape (batch, num_classes), float32.

    Raises:
        SettingError: `num_classes` is less than 1.
    """
    expect_counts(num_classes=num_classes)
    # Half-precision logits would make the loss a coarse one.
    return keras.layers.Dense(num_classes, name=name, dtype="float32")(features)


def flattened(maps, image_shape: tuple, name: str):
    """Return all values of feature maps as one vector.

    Args:
        maps: Tensor of feature maps.
        image_shape: The network's input shape, which must have no None.
        name: The network's name, for the error message.

    Returns:
        Tensor of shape (batch, values).

    Raises:
        SettingError: A side of `image_shape` is None.
    """
    if None in image_shape:
        raise SettingError(
            f"{name} flattens its feature maps and so needs a whole image shape, not "
            f"{tuple(image_shape)}; give one, or choose head='global' where there is that option."
        )
    return keras.layers.Flatten(name="flatten")(maps)


def vector(maps, head: str, image_shape: tuple, name: str):
    """Return feature maps as a vector.

    Args:
        maps: Tensor of feature maps.
        head: "flatten" for all values, "global" for the mean of each map.
        image_shape: The network's input shape; "flatten" needs one without None.
        name: The network's name, for the error message.

    Returns:
        Tensor of shape (batch, values).

    Raises:
        SettingError: `head` is something else, or "flatten" meets an open image shape.
    """
    require_choice("head", head, ("flatten", "global"))
    return average_pooled(maps) if head == "global" else flattened(maps, image_shape, name)


def hidden_layers(
    features, hidden_units: tuple[int, ...], activation: str, dropout: float, name: str
):
    """Return the answer of dense layers to features.

    Args:
        features: Tensor of shape (batch, features).
        hidden_units: Size of each layer.
        activation: Activation of each layer.
        dropout: Part of the units that dropout sets to zero after each layer; 0 for no dropout.
        name: Prefix of the layers' names: "fc" makes fc1, fc1_dropout, fc2, ...

    Returns:
        Tensor of shape (batch, last of hidden_units).
    """
    for index, units in enumerate(hidden_units, start=1):
        features = keras.layers.Dense(units, activation=activation, name=f"{name}{index}")(features)
        if dropout:
            features = keras.layers.Dropout(dropout, name=f"{name}{index}_dropout")(features)
    return features
