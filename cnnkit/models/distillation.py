"""The network inside Keras' Distiller."""


def student_of(model):
    """Return the network that a run saves of the model it trains.

    Args:
        model: A `keras.Model`, such as a `keras.distillation.Distiller`.

    Returns:
        The student of a Distiller; any other model as it is.
    """
    return getattr(model, "student", model)
