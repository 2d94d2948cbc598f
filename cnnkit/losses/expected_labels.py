"""What a loss expects: of labels an index or a number for each class, of outputs logits or not."""

import inspect

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
# Without `from_logits`; they take the logarithm of what they are given.
OF_PROBABILITIES = (keras.losses.KLDivergence, keras.losses.CategoricalGeneralizedCrossEntropy)
FUNCTIONS_OF_PROBABILITIES = (
    keras.losses.kl_divergence,
    keras.losses.categorical_generalized_cross_entropy,
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


def expects_logits(loss) -> bool | None:
    """Return whether a loss expects logits.

    Args:
        loss: A Keras loss or a function. It says so by an attribute or a parameter `from_logits`.

    Returns:
        True for logits, False for probabilities; None if the loss does not say.
    """
    wanted = getattr(loss, "from_logits", None)
    if wanted is None and inspect.isfunction(inspect.unwrap(getattr(loss, "func", loss))):
        parameter = inspect.signature(loss).parameters.get("from_logits")
        wanted = parameter and parameter.default
    if wanted is None and (
        isinstance(loss, OF_PROBABILITIES) or loss in FUNCTIONS_OF_PROBABILITIES
    ):
        return False
    return bool(wanted) if isinstance(wanted, bool | int) else None
