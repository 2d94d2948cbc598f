"""The network inside a model that trains it with a teacher or with auxiliary outputs."""


def student_of(model):
    """Return the network that a run saves of the model it trains.

    Args:
        model: A `keras.Model`, such as a `keras.distillation.Distiller`.

    Returns:
        The student of a Distiller, the network to the main output of a model that trains with
        auxiliary outputs, any other model as it is.
    """
    return getattr(model, "student", getattr(model, "main_network", model))
