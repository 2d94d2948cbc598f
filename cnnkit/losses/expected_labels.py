"""What a loss expects of its labels: a class index, or a number for each class."""

import keras

# Not by their names: Keras' CategoricalGeneralizedCrossEntropy takes class indices.
ONE_HOT_LOSSES = (
    keras.losses.CategoricalCrossentropy,
    keras.losses.CategoricalFocalCrossentropy,
    keras.losses.CategoricalHinge,
)
ONE_HOT_FUNCTIONS = (
    keras.losses.categorical_crossentropy,
    keras.losses.categorical_focal_crossentropy,
    keras.losses.categorical_hinge,
)


def expects_one_hot(loss) -> bool:
    """Return whether a loss expects labels as a number for each class.

    Args:
        loss: A Keras loss, a function, or the name of one, as `compile` takes it.

    Returns:
        True where labels have the shape (batch, classes), as one-hot labels have; False where a
        class index for each sample will do.
    """
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    return isinstance(loss, ONE_HOT_LOSSES) or any(loss is each for each in ONE_HOT_FUNCTIONS)
