"""Functions of one number as the explorer's page calls them, with their constants."""

import keras
from keras import layers

# By identity: a user's function may bear the same name.
FUNCTIONS = {
    function: name
    for name in (
        "linear", "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "tanh", "sigmoid",
        "hard_sigmoid", "silu", "hard_silu", "gelu", "softplus", "softsign", "exponential", "mish",
        "softmax", "log_softmax", "hard_tanh", "log_sigmoid",
    )
    if (function := getattr(keras.activations, name, None))
}  # fmt: skip

# Operations of keras.ops, whose classes are not public, by name.
OPERATIONS = {
    "Relu": "relu", "Relu6": "relu6", "Selu": "selu", "Sigmoid": "sigmoid", "Tanh": "tanh",
    "HardSigmoid": "hard_sigmoid", "Silu": "silu", "HardSilu": "hard_silu", "HardSwish": "hard_silu",
    "Softplus": "softplus", "Softsign": "softsign", "LogSigmoid": "log_sigmoid",
    "HardTanh": "hard_tanh", "Exp": "exponential", "Expm1": "expm1", "Log": "log", "Log1p": "log1p",
    "Negative": "negative", "Abs": "absolute", "Absolute": "absolute", "Square": "square",
    "Sqrt": "sqrt", "Rsqrt": "rsqrt", "Reciprocal": "reciprocal", "Floor": "floor", "Round": "round",
}  # fmt: skip


def function_name(activation) -> str | None:
    """Return the page's name of an activation.

    Args:
        activation: A function of `keras.activations`, or None for none.

    Returns:
        The name; None for a function that the page does not know.
    """
    return "linear" if activation is None else FUNCTIONS.get(activation)


def _applied(function: str | None, **constants) -> dict | None:
    if function is None:
        return None
    return {"arithmetic": "activation", "function": function, "constants": constants}


def _relu(layer) -> dict | None:
    # Keras has arrays or numbers here, depending on how the layer was made.
    most = None if layer.max_value is None else float(layer.max_value)
    slope, threshold = float(layer.negative_slope or 0), float(layer.threshold or 0)
    return _applied("general_relu", max_value=most, negative_slope=slope, threshold=threshold)


def _softmax(operation, rank: int) -> dict | None:
    axis = operation.axis
    if not isinstance(axis, int) or axis % rank == 0:
        return None
    return {"arithmetic": "softmax", "axis": axis % rank - 1}


def of_layer(layer, rank: int) -> dict | None:
    """Return the rule of a layer that applies a function to each number.

    Args:
        layer: A Keras layer.
        rank: Number of its input's axes, that of the batch among them.

    Returns:
        A part of the layer's configuration in the document; None for any other layer.
    """
    kind = type(layer)
    if kind is layers.Activation:
        return _applied(function_name(layer.activation))
    if kind is layers.ReLU:
        return _relu(layer)
    if kind is layers.LeakyReLU:
        return _applied("leaky_relu", negative_slope=float(layer.negative_slope))
    if kind is layers.ELU:
        return _applied("elu", alpha=float(layer.alpha))
    if kind is layers.PReLU:
        return {"arithmetic": "parametric_relu"}
    return _softmax(layer, rank) if kind is layers.Softmax else None


def of_operation(operation, rank: int) -> dict | None:
    """Return the rule of a function of keras.ops of one number.

    Args:
        operation: A `keras.Operation` that is no layer.
        rank: Number of its input's axes, that of the batch among them.

    Returns:
        A part of the layer's configuration in the document; None for any other operation.
    """
    name = type(operation).__name__
    if name == "Softmax":
        return _softmax(operation, rank)
    if name == "LeakyRelu":
        return _applied("leaky_relu", negative_slope=float(operation.negative_slope))
    if name in ("Elu", "Celu"):
        return _applied(name.lower(), alpha=float(operation.alpha))
    if name == "Gelu":
        return _applied("gelu_tanh" if operation.approximate else "gelu")
    if name == "Clip":
        ends = (operation.x_min, operation.x_max)
        if not all(end is None or isinstance(end, (int, float)) for end in ends):
            return None
        return _applied("clip", x_min=ends[0], x_max=ends[1])
    return _applied(OPERATIONS.get(name))
