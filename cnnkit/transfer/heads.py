"""A backbone with a head: a plain Keras model from pixels to logits."""

from typing import Literal

import keras

from cnnkit.errors import SettingError
from cnnkit.transfer.backbones import backbone as load_backbone

POOLINGS = {
    "average": keras.layers.GlobalAveragePooling2D,
    "max": keras.layers.GlobalMaxPooling2D,
    "flatten": keras.layers.Flatten,
}


def classifier(
    backbone: keras.Model,
    num_classes: int,
    dropout: float = 0.0,
    pooling: Literal["average", "max", "flatten"] = "average",
    *,
    frozen: bool = True,
) -> keras.Model:
    """Return a model from what the backbone takes to logits, shape (batch, num_classes).

    It shares the backbone's layers. Where `frozen`, they do not train, batch normalisation among
    them keeps its statistics, for Keras runs it in inference mode then, and dropout among them, as
    EfficientNet's stochastic depth, is off: features are the same in training and in use. The head
    then begins at zero, as in the Vision Transformer (Dosovitskiy et al. 2021,
    https://arxiv.org/abs/2010.11929, section 3.2): with fewer images than features, no gradient
    would ever take away most of a random beginning. A feature pyramid is pooled map by map and
    joined.

    Raises SettingError for a pooling, dropout or number of classes that does not exist.
    """
    if num_classes < 2:
        raise SettingError(f"A classifier needs at least 2 classes, not {num_classes}.")
    if not 0 <= dropout < 1:
        raise SettingError(f"dropout is from 0 to below 1, not {dropout}.")
    for layer in backbone.layers:
        layer.trainable = not frozen
        if frozen and isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    values = pooled(backbone.outputs, pooling)
    if dropout:
        values = keras.layers.Dropout(dropout, name="dropout")(values)
    # From zeros, the first gradient for layers before the head would be zero, too.
    initial = "zeros" if frozen else "glorot_uniform"
    logits = keras.layers.Dense(
        num_classes, kernel_initializer=initial, name="logits", dtype="float32"
    )(values)
    return keras.Model(backbone.input, logits, name=backbone.name)


def pooled(maps: list, pooling: str = "average"):
    """Return one vector an image of its feature maps, shape (batch, features)."""
    if pooling not in POOLINGS:
        raise SettingError(f"pooling is one of {', '.join(POOLINGS)}, not {pooling!r}.")
    vectors = [POOLINGS[pooling](name=f"pooled_{number}")(each) for number, each in enumerate(maps)]
    return vectors[0] if len(vectors) == 1 else keras.layers.Concatenate(name="pyramid")(vectors)


def create(
    name: str,
    image_shape: tuple[int, int, int],
    num_classes: int,
    *,
    weights: str = "imagenet",
    dropout: float = 0.0,
    pooling: Literal["average", "max", "flatten"] = "average",
    frozen: bool = True,
) -> keras.Model:
    """Return a classifier on a backbone of that name for an Experiment.

    It takes pixels from 0 to 255, as `backbone` does, and an Experiment feeds it those.
    See `backbone` and `classifier` for the rest.
    """
    body = load_backbone(name, image_shape, weights=weights)
    return classifier(body, num_classes, dropout, pooling, frozen=frozen)


def head(num_features: int, num_classes: int, dropout: float = 0.0) -> keras.Model:
    """Return the head alone, from features to logits, to be trained on what `features` gives.

    It begins at zero, as that of `classifier` does.
    """
    vector = keras.Input((num_features,), name="features")
    values = keras.layers.Dropout(dropout, name="dropout")(vector) if dropout else vector
    logits = keras.layers.Dense(
        num_classes, kernel_initializer="zeros", name="logits", dtype="float32"
    )(values)
    return keras.Model(vector, logits, name="head")


def joined(
    backbone: keras.Model,
    trained: keras.Model,
    pooling: Literal["average", "max", "flatten"] = "average",
) -> keras.Model:
    """Return the classifier of a backbone and a head that was trained on its features."""
    model = classifier(backbone, trained.output_shape[-1], pooling=pooling)
    model.get_layer("logits").set_weights(trained.get_layer("logits").get_weights())
    return model
