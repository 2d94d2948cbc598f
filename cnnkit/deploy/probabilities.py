"""What a model's outputs mean, and a model that gives probabilities whatever they are."""

import keras

from cnnkit.errors import SettingError
from cnnkit.evaluation.tasks import MultiLabel, SingleLabel, Task
from cnnkit.explain.outputs import final_activation
from cnnkit.keras_graph.final_operation import LOGITS, NEITHER, output_kind
from cnnkit.keras_graph.walk import has_graph


def with_graph(model: keras.Model) -> keras.Model:
    """Return a model whose inputs and outputs have known shapes.

    Args:
        model: Any built model.

    Returns:
        `model` itself, or a functional model around one that is written as a class.

    Raises:
        SettingError: The model is not built, or takes several inputs.
    """
    if has_graph(model):
        return model
    shape = (model.get_build_config() or {}).get("input_shape") if model.built else None
    if not shape or not all(isinstance(side, int | None) for side in shape):
        raise SettingError(
            f"The model {model.name!r} does not say what it takes: call it once on a batch of inputs."
        )
    inputs = keras.Input(shape[1:], name="raw")
    return keras.Model(inputs, model(inputs), name=model.name)


def task_of_outputs(model: keras.Model) -> Task:
    """Return the task that a model's last activation is for.

    Args:
        model: A classifier.

    Returns:
        MultiLabel for several outputs after a sigmoid, else SingleLabel.

    Raises:
        SettingError: The model has several inputs or outputs, or does not return one number a class.
    """
    _expect_classifier(model)
    several = model.output_shape[-1] > 1 and final_activation(model) == "sigmoid"
    return MultiLabel() if several else SingleLabel()


def with_probabilities(name: str, model: keras.Model, task: Task) -> keras.Model:
    """Return a model that gives probabilities.

    Args:
        name: What errors call the model.
        model: A classifier that returns logits or probabilities. A model that is written as a class
            does not show which, and counts as one that returns probabilities.
        task: What its outputs mean.

    Returns:
        `model` itself if it gives the probabilities of at least two classes. Else a model around it:
        after logits, with the task's own activation; for a single output, which is the probability
        of the second of two classes, with that of the first before it.

    Raises:
        SettingError: The model's outputs are neither logits nor probabilities.
    """
    _expect_classifier(model)
    kind = output_kind(model)
    if kind == NEITHER:
        raise SettingError(
            f"The outputs of {name} are neither logits nor probabilities: end the model in a "
            "softmax, a sigmoid or no activation."
        )
    single = model.output_shape[-1] == 1
    if kind != LOGITS and not single:
        return model
    outputs = model.outputs[0]
    if kind == LOGITS:
        layer = MultiLabel() if single else task
        outputs = layer.output_layer(name="probabilities", dtype="float32")(outputs)
    if single:
        outputs = keras.layers.Concatenate(name="both_classes")([1 - outputs, outputs])
    return keras.Model(model.inputs, outputs, name=f"{model.name}_probabilities")


def _expect_classifier(model: keras.Model) -> None:
    shapes = {"inputs": model.input_shape, "outputs": model.output_shape}
    for word, shape in shapes.items():
        if not isinstance(shape, tuple) or not isinstance(shape[0], int | None):
            raise SettingError(f"The model {model.name!r} has several {word}; one is needed.")
    if len(shapes["outputs"]) != 2 or shapes["outputs"][-1] is None:
        raise SettingError(
            f"The model {model.name!r} returns shape {shapes['outputs']}, and not a number a class."
        )
