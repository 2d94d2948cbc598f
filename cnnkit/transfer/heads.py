"""Classification heads on a backbone: plain Keras models from pixels to logits."""

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
    """Return a backbone with a classification head, which shares the backbone's layers.

    Frozen layers do not train; batch normalisation among them keeps its statistics, since Keras
    then runs it in inference mode. Dropout among them, as in EfficientNet's stochastic depth, is
    set to 0, so that features are the same in training and in use.

    The head on a frozen backbone starts at zero, as in the Vision Transformer (Dosovitskiy et al.
    2021, https://arxiv.org/abs/2010.11929, section 3.2). With fewer images than features, no
    gradient would ever remove most of a random start.

    Args:
        backbone: The model whose outputs, one feature map or several, the head reads.
        num_classes: Number of classes, at least 2.
        dropout: Part of the features to drop in training, from 0 to below 1.
        pooling: How a feature map becomes a vector; several maps are pooled one by one and
            concatenated.
        frozen: Whether the backbone's layers stay as they are.

    Returns:
        A model from the backbone's inputs to logits, of shape (batch, num_classes).

    Raises:
        SettingError: Pooling, dropout or the number of classes is out of range.
    """
    if num_classes < 2:
        raise SettingError(f"A classifier needs at least 2 classes, not {num_classes}.")
    if not 0 <= dropout < 1:
        raise SettingError(f"dropout is from 0 to below 1, not {dropout}.")
    for layer in backbone.layers:
        layer.trainable = not frozen
        if frozen and isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    values = pool_maps(backbone.outputs, pooling)
    if dropout:
        values = keras.layers.Dropout(dropout, name="dropout")(values)
    # A head of zeros would give the layers before it no gradient in the first step.
    initial = "zeros" if frozen else "glorot_uniform"
    logits = keras.layers.Dense(
        num_classes, kernel_initializer=initial, name="logits", dtype="float32"
    )(values)
    return keras.Model(backbone.input, logits, name=backbone.name)


def pool_maps(maps: list, pooling: str = "average"):
    """Pool feature maps to one vector an image.

    Args:
        maps: Symbolic feature maps, each (batch, height, width, filters).
        pooling: "average", "max" or "flatten".

    Returns:
        A symbolic tensor of shape (batch, features).

    Raises:
        SettingError: There is no such pooling.
    """
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
    """Return a classifier on a pretrained backbone, for an Experiment.

    Args:
        name: The backbone, as `transfer.backbone` takes it.
        image_shape: (height, width, channels).
        num_classes: Number of classes, at least 2.
        weights: As `transfer.backbone` takes them.
        dropout: As `transfer.classifier` takes it.
        pooling: As `transfer.classifier` takes it.
        frozen: As `transfer.classifier` takes it.

    Returns:
        A model from pixels of 0 to 255, which an Experiment feeds it, to logits of shape
        (batch, num_classes).

    Raises:
        CnnkitError: What `transfer.backbone` and `transfer.classifier` raise.
    """
    body = load_backbone(name, image_shape, weights=weights)
    return classifier(body, num_classes, dropout, pooling, frozen=frozen)


def head(num_features: int, num_classes: int, dropout: float = 0.0) -> keras.Model:
    """Return a head alone, to train on what `transfer.features` returns.

    It starts at zero, as that of `classifier` does.

    Args:
        num_features: Length of a feature vector.
        num_classes: Number of classes.
        dropout: Part of the features to drop in training, from 0 to below 1.

    Returns:
        A model from features, of shape (batch, num_features), to logits.
    """
    vector = keras.Input((num_features,), name="features")
    values = keras.layers.Dropout(dropout, name="dropout")(vector) if dropout else vector
    logits = keras.layers.Dense(
        num_classes, kernel_initializer="zeros", name="logits", dtype="float32"
    )(values)
    return keras.Model(vector, logits, name="head")


def attach_head(
    backbone: keras.Model,
    trained_head: keras.Model,
    pooling: Literal["average", "max", "flatten"] = "average",
) -> keras.Model:
    """Return the classifier of a backbone and a head that was trained on its features.

    Args:
        backbone: The backbone that the features are of.
        trained_head: A model that `head` returned, after training. Its weights are copied.
        pooling: The pooling of the features.

    Returns:
        A model from the backbone's inputs to logits.
    """
    model = classifier(backbone, trained_head.output_shape[-1], pooling=pooling)
    model.get_layer("logits").set_weights(trained_head.get_layer("logits").get_weights())
    return model
