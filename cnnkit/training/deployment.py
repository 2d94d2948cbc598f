"""The model a run saves for use: raw inputs in, probabilities out."""

import keras

from cnnkit.experiment.experiment import Experiment
from cnnkit.keras_graph.arrays import as_numpy
from cnnkit.keras_graph.saving import keras_file
from cnnkit.keras_graph.uncompiled import uncompiled
from cnnkit.runs.model_description import ModelDescription
from cnnkit.training.keras_only import in_keras_layers


def deployable_model(experiment: Experiment) -> keras.Model:
    """Return the model to save: the experiment's, with scaling before it and probabilities after it.

    Args:
        experiment: Its network's layers and weights are shared.

    Returns:
        A model from the data set's raw values (0 to 255 for pictures) to probabilities of shape
        (batch, classes). Logits go through a softmax, or a sigmoid where samples may have several
        classes.
    """
    data, model = experiment.data, experiment.network
    inputs = keras.Input(data.image_shape, name="raw")
    outputs = inputs
    if experiment.input_scale != 1:
        outputs = keras.layers.Rescaling(experiment.input_scale, name="scale")(outputs)
    outputs = model(outputs)
    if experiment.gives_logits:
        outputs = data.task.output_layer(name="probabilities", dtype="float32")(outputs)
    elif outputs.dtype != "float32":
        outputs = keras.layers.Identity(name="probabilities", dtype="float32")(outputs)
    return keras.Model(inputs, outputs, name=f"{model.name}_deployed")


def model_file(model: keras.Model, description: ModelDescription | None = None) -> bytes:
    """Return the content of a model.keras file, which Keras opens without cnnkit.

    No model in it is compiled, and cnnkit's own layers are replaced by Keras' (see
    `keras_only.in_keras_layers`).

    Args:
        model: Any model that `model.save` saves. It stays as it is.
        description: What the file says of the model.
    """
    with uncompiled(model):
        content = keras_file(in_keras_layers(model))
    return content if description is None else description.added_to(content)


def first_filters(model: keras.Model):
    """Return the kernel of a model's first 2-D convolution.

    Args:
        model: Any model; layers of nested models count, too.

    Returns:
        An array of shape (height, width, in, out), or None where there is no convolution.
    """
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            kernel = first_filters(layer)
            if kernel is not None:
                return kernel
        elif isinstance(layer, keras.layers.Conv2D):
            return as_numpy(layer.kernel)
    return None
